"""A dense layer at work. Files of the same name in `engine/conv/` do the same for convolutional layers."""
