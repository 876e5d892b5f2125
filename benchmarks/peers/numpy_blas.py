"""NumPy, and from SciPy what BLAS has for growth: the rank-one update, which NumPy has no name for."""

from scipy.linalg import blas

from benchmarks.peers import numpy_dense

NAME = "NumPy dense, BLAS's rank-one update"
REQUIRES = ()
SAME_RULE = True


class Blas(numpy_dense.Dense):
    def change(self, written, decay, growth):
        self.spread(written, decay, growth)
        self.w *= self.decay
        blas.sger(1.0, self.growth, self.x, a=self.w.T, overwrite_a=1)  # in place: the transposed is Fortran's order


make = Blas
