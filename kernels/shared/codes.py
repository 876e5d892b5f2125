"""Codes of what a layer is made of, as loops compare them. Those of rules and competitions are in the cells' files."""

UNBIASED, CONSCIENCE, MEAN_ACTIVITY, LOG_PRIOR, THRESHOLD = 0, 1, 2, 3, 4  # biases on the competition
SANGER, SUBSPACE, OWN = -1, -2, -3  # rules that have no cell in `rules.py`; OWN: competitions, too
CONSTANT, LINEAR, EXPONENTIAL, BY_NORM, BY_WINS = 0, 1, 2, 3, 4  # schedules of the rate
RAW, STREAM_NORM, SAMPLE_NORM = 0, 1, 2  # units of the input
IDENTITY, RELU, TRIANGLE, SOFTMAX = 0, 1, 2, 3  # functions of the potentials
PARAMETERS = 8  # of a rule
