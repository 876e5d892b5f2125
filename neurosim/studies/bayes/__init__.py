"""The study of the claims that a SoftHebb layer is a Bayesian model: one part for each claim.

`study` puts the parts together; `part` says what a part is, and has what all share: the grid, groups of records,
verdicts. A part is the file of its name, with its cells and how they are measured: `learning`, `likelihood`, `priors`,
`speed`, `noise`, `attacks`, `confusing`, `generation`. Where that would be long, its tables, claims and figures are in
files that begin with its name. The others are what parts are made of: samples (`images`, `corruptions`, `unequal`,
`known_mixtures`), classifiers (`chips`, `controls`, `twin`, `tuning`), attacks (`attackers`, `certificate`), and what
judges and explains (`judges`, `causes`, `figures`).
"""

from neurosim.studies.bayes.study import STUDY as STUDY
