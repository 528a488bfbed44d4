"""What promises start from: the small sweep that the tests of `spaces` change, too, and a run of a user's own model."""

from tests.promises.own_model import ran as ran
from tests.spaces.conftest import small as small
from tests.spaces.conftest import write as write
