"""What responses are worth: labels for winners, classifiers fitted to features, and measurements of both."""
