"""The matrix of a step on the seven-point stencil."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from aquirecover.flow import kernels
from aquirecover.flow.arrays import BoolArray, FloatArray
from aquirecover.flow.multigrid import Multigrid
from aquirecover.flow.products import Bands, bands_of, residual


@dataclass(frozen=True, eq=False)
class Matrix:
    """The Newton matrix of a step on the seven-point stencil; arrays of shape ``(n_layer, n_y, n_x)``, m²/d.

    Parameters
    ----------
    surplus : ndarray
        What its rows sum to: storage, head-dependent stresses and faces to fixed heads, and what saturation adds; 0 for cells
        that are no unknowns.
    far_x, near_x, far_y, near_y : ndarray
        Of horizontal faces, see `kernels.face_derivatives`; zero on the far edges of the grid. The matrix is symmetric when far
        and near are the same.
    cz : ndarray
        Conductance of vertical faces between unknowns.
    unknown : ndarray of bool
        Cells that are solved for.
    x, y : ndarray, optional
        Positions of columns and rows of cells, m: they guide the preconditioner where spacing varies.
    """

    surplus: FloatArray
    far_x: FloatArray
    near_x: FloatArray
    far_y: FloatArray
    near_y: FloatArray
    cz: FloatArray
    unknown: BoolArray
    x: FloatArray | None = None
    y: FloatArray | None = None

    @classmethod
    def with_diagonal(
        cls,
        diagonal: FloatArray,
        far_x: FloatArray,
        near_x: FloatArray,
        far_y: FloatArray,
        near_y: FloatArray,
        cz: FloatArray,
        unknown: BoolArray,
        x: FloatArray | None = None,
        y: FloatArray | None = None,
    ) -> Matrix:
        """Return the matrix of a diagonal, of which those cells alone count that are unknowns."""
        surplus = diagonal - faces_of_rows(far_x, near_x, far_y, near_y, cz)
        surplus[~unknown] = 0.0
        matrix = cls(surplus, far_x, near_x, far_y, near_y, cz, unknown, x, y)
        # known to the last bit, which the sum of what is left and the faces is not
        vars(matrix)["diagonal"] = np.where(unknown, diagonal, 1.0)
        return matrix

    @cached_property
    def diagonal(self) -> FloatArray:
        """Its diagonal, 1 for cells that are no unknowns."""
        diagonal = self.surplus + faces_of_rows(self.far_x, self.near_x, self.far_y, self.near_y, self.cz)
        diagonal[~self.unknown] = 1.0
        return diagonal

    @property
    def symmetric(self) -> bool:
        """Whether far and near are the same arrays."""
        return self.far_x is self.near_x and self.far_y is self.near_y

    def transposed(self) -> Matrix:
        """Return ``Aᵀ``, itself when it is symmetric."""
        if self.symmetric:
            return self
        return Matrix.with_diagonal(
            self.diagonal, self.near_x, self.far_x, self.near_y, self.far_y, self.cz, self.unknown, self.x, self.y
        )

    @cached_property
    def finite(self) -> bool:
        """Whether its rows are finite; faces that follow from heads are part of what these sum to."""
        return bool(np.isfinite(kernels.absolute_sum(self.surplus.ravel())))

    def with_surplus(self, surplus: FloatArray) -> Matrix:
        """Return the matrix with the same faces and other row sums."""
        matrix = replace(self, surplus=surplus)
        # of which a hierarchy sees that the faces are the same
        vars(matrix)["bands"] = self.bands._replace(surplus=surplus.ravel())
        return matrix

    @cached_property
    def bands(self) -> Bands:
        """The matrix as the compiled loops see it."""
        return bands_of(self.surplus, self.far_x, self.near_x, self.far_y, self.near_y, self.cz)

    def residual(self, b: FloatArray, x: FloatArray, out: FloatArray, threads: int | None = None) -> float:
        """Fill ``b − A x`` and return the sum of its absolute values; see `compiled.share` for `threads`."""
        return float(residual(self.bands, b.ravel(), x.ravel(), out.ravel(), threads))

    def multiply(self, x: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """Return ``A x``, 0 in cells that are no unknowns."""
        result = np.empty_like(x) if out is None else out
        self.residual(np.zeros_like(x), x, result)
        return np.negative(result, out=result)

    @cached_property
    def hierarchy(self) -> Multigrid:
        """The `preconditioner`, made once."""
        return self.preconditioner()

    def preconditioner(self, threads: int | None = None) -> Multigrid:
        """Return a multigrid hierarchy for this matrix, its coarser levels made for the `symmetric_part`."""
        return Multigrid(*self.symmetric_part(), self.x, self.y, self.bands, threads)

    def symmetric_part(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return faces and row sums of an M-matrix near the matrix, itself when it is symmetric.

        The smaller of the two derivatives of a face is its conductance with the saturation held; what the saturation adds to
        the rows is left out.
        """
        cx = self.far_x if self.symmetric else np.maximum(np.minimum(self.far_x, self.near_x), 0.0)
        cy = self.far_y if self.symmetric else np.maximum(np.minimum(self.far_y, self.near_y), 0.0)
        surplus = self.surplus
        if not self.symmetric:
            # what its columns sum to
            surplus = surplus + (self.far_x - self.near_x) + (self.far_y - self.near_y)
            surplus[:, :, 1:] += self.near_x[:, :, :-1] - self.far_x[:, :, :-1]
            surplus[:, 1:] += self.near_y[:, :-1] - self.far_y[:, :-1]
        # rounding of the subtraction must not make a row lose its dominance
        surplus = np.maximum(surplus, 0.0)
        return cx, cy, self.cz, surplus

    def to_sparse(self) -> Any:
        """Return the matrix as ``scipy.sparse.csc_array`` over all cells by flat number, 1 for those that are no unknowns."""
        from scipy import sparse

        _, n_y, n_x = self.diagonal.shape
        n = self.diagonal.size
        bands = [(0, self.diagonal)]
        for offset, far, near in ((1, self.far_x, self.near_x), (n_x, self.far_y, self.near_y), (n_x * n_y, self.cz, self.cz)):
            bands += [(offset, -far), (-offset, -near)]
        # faces on the far edges are zero, so that bands of one offset, as in a grid of one column, may be added
        parts = [
            sparse.diags_array(values.ravel()[: n - abs(offset)], offsets=offset, shape=(n, n))
            for offset, values in bands
            if abs(offset) < n
        ]
        result = sparse.csc_array(sum(parts[1:], start=sparse.csc_array(parts[0])))
        result.eliminate_zeros()
        return result


def faces_of_rows(far_x: FloatArray, near_x: FloatArray, far_y: FloatArray, near_y: FloatArray, cz: FloatArray) -> FloatArray:
    """Return the sum of the faces of each row, m²/d."""
    total = far_x + far_y + cz
    total[:, :, 1:] += near_x[:, :, :-1]
    total[:, 1:] += near_y[:, :-1]
    total[1:] += cz[:-1]
    return total
