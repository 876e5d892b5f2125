"""What responses are worth: names for winners, classifiers fitted to features, and judgements of both."""
