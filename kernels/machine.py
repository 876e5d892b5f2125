r"""What a machine can do at most: bytes read, bytes read and written, multiplications and additions in a second.

Each of these loops does one thing and nothing else. The caller reads the clock and knows the amount of work: a row of x
is x.shape[1] / LINE lines of 64 bytes, and a pass takes OPERATIONS operations for each element.

Memory moves in lines of 64 bytes, so one number of each line is touched: more would measure how fast numbers are added.
Eight rows are read in step, each with a sum of its own: an addition takes some cycles, and a single sum would wait for
each.
"""

from neurosim.kernels.compiled import compiled
from neurosim.kernels.shared.numbers import LINE as LINE
from neurosim.kernels.shared.numbers import ONE, ZERO

ROWS = 8  # rows read in step
OPERATIONS = 16  # multiplications and additions of an element in a pass


@compiled(nogil=True)
def read_rows(x, order):
    """Read rows of x in this order, every line of each once; return a sum that depends on all.

    Parameters
    ----------
    x : float32 (rows, LINE times whole number)
        C order, at the start of a line.
    order : int32 (any,)
        Rows.

    Returns
    -------
    float32
    """
    a, b, c, d, e, f, g, h = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    together = order.size - order.size % ROWS
    for i in range(0, together, ROWS):
        p, q, r, s = x[order[i]], x[order[i + 1]], x[order[i + 2]], x[order[i + 3]]
        t, u, v, w = x[order[i + 4]], x[order[i + 5]], x[order[i + 6]], x[order[i + 7]]
        for j in range(0, x.shape[1], LINE):
            a += p[j]
            b += q[j]
            c += r[j]
            d += s[j]
            e += t[j]
            f += u[j]
            g += v[j]
            h += w[j]
    for i in range(together, order.size):
        p = x[order[i]]
        for j in range(0, p.size, LINE):
            a += p[j]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@compiled(nogil=True)
def update_rows(x, order):
    """Read and write rows of x in place and in this order: one is added to the first number of every line.

    Parameters
    ----------
    x : float32 (rows, LINE times whole number)
        C order, at the start of a line.
    order : int32 (any,)
        Rows.
    """
    for i in range(order.size):
        row = x[order[i]]
        for j in range(0, row.size, LINE):
            row[j] += ONE


@compiled(nogil=True)
def multiply_and_add(x, factor, term, passes):
    """Apply to every element of x eight times `x factor + term` a pass, each product rounded before it is added.

    Elements do not depend on one another: this measures how many operations a machine does at once.

    Parameters
    ----------
    x : float32 (any,)
        Small enough for the first cache.
    factor, term : float32
    passes : int
    """
    for _ in range(passes):
        for k in range(x.size):
            y = x[k]
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            y = y * factor + term
            x[k] = y
