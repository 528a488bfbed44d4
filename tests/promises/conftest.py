"""What promises start from: the small sweep that the tests of `spaces` change, too."""

from tests.spaces.conftest import small as small
from tests.spaces.conftest import write as write
