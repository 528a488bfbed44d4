"""What `tests/contracts/test_features.py` says of three backbones, said of the others."""

from tests.contracts.test_features import test_a_prefix_and_its_suffix_predict_as_the_whole_network_does as test_prefix

__all__ = ["test_prefix"]
