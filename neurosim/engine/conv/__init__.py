"""A convolutional layer at work. Files of the same name in `engine/dense/` do the same for dense layers."""
