"""Codes of what a layer is made of, as loops compare them."""

SOFT, HARD, K_WINNERS, RANKED, UNINHIBITED, GATED, TAUGHT, CORRECTED = 0, 1, 2, 3, 4, 5, 6, 7  # competitions
UNBIASED, CONSCIENCE, MEAN_ACTIVITY, LOG_PRIOR = 0, 1, 2, 3  # biases on the competition
HEBB, OJA, INSTAR, SOFT_HEBB, HEBB_NET, BCM, EGHR, SANGER, SUBSPACE, OWN = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9  # rules
CONSTANT, LINEAR, EXPONENTIAL, BY_NORM, BY_WINS = 0, 1, 2, 3, 4  # schedules of the rate
RAW, STREAM_NORM, SAMPLE_NORM = 0, 1, 2  # units of the input
IDENTITY, RELU, TRIANGLE, SOFTMAX = 0, 1, 2, 3  # functions of the potentials
PARAMETERS = 8  # of a rule
