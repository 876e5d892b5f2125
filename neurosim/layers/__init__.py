"""What a layer is: constants that people write, checked when they are made. Nothing here simulates."""
