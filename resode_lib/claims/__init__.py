"""The claims of the course: one file per claim, one definition, three readers.

Chapters print a claim's verdict under the theorem, the tests assert it and its controls, the
ledger page lists it.
"""

from resode_lib.claims import (
    attached_ode,
    depth_conservation,
    euler_bound,
    euler_limit,
    float32_floor,
    horizon_scaling,
    integrator_order,
    kernel_quadrature,
    limit_of_minima,
    linear_quadratic,
    long_horizon,
    natural_boundary,
    perturbed_weights,
    regulariser_limit,
    tight_bound,
    turnpike,
)
from resode_lib.claims._claim import CHAPTERS, Check, Claim, Verdict

__all__ = ["CHAPTERS", "CLAIMS", "Check", "Claim", "Verdict", "get"]

CLAIMS = {
    module.CLAIM.label: module.CLAIM
    for module in (
        float32_floor,
        euler_bound,
        euler_limit,
        perturbed_weights,
        tight_bound,
        attached_ode,
        integrator_order,
        regulariser_limit,
        limit_of_minima,
        natural_boundary,
        horizon_scaling,
        long_horizon,
        depth_conservation,
        linear_quadratic,
        turnpike,
        kernel_quadrature,
    )
}
"""All claims by label, in the order of the book."""


def get(label: str) -> Claim:
    """Return the claim with this label.

    Raises:
        KeyError: if there is none; the message lists those there are.
    """
    if label not in CLAIMS:
        raise KeyError(f"no claim has the label {label!r}; there are {list(CLAIMS)}.")
    return CLAIMS[label]
