"""A dense layer's loop: what it works on, a file for each stage, and `stream`, which drives them."""
