"""The sections of a trial configuration, each setting with a sentence."""
