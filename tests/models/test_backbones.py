"""What `tests/trainables/models/test_backbones.py` says of three backbones, said of the others."""

from tests.trainables.models.test_backbones import (
    test_layers_are_named_as_in_a_fresh_process_however_many_models_were_built_before as test_layers,
)
from tests.trainables.models.test_backbones import (
    test_no_layer_above_the_end_of_a_block_stands_below_it_in_the_list as test_order,
)
from tests.trainables.models.test_backbones import test_one_tensor_crosses_the_end_of_each_block as test_boundaries
from tests.trainables.models.test_backbones import test_random_weights_can_be_drawn_for_every_backbone as test_weights

__all__ = ["test_boundaries", "test_layers", "test_order", "test_weights"]
