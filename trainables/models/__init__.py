"""From a closed configuration to a Keras model: build the architecture once, set its values as often as wanted."""
