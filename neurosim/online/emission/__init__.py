"""What is told of each sample as soon as it is learned."""
