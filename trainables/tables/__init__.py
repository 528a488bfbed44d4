"""Tables of image names and classes as people have them: separators, split and one-hot columns, kinds of labels."""
