"""The claims of the course: one file per claim, one definition, three readers.

Chapters print a claim's verdict under the theorem, the tests assert it and its controls, the
ledger page lists it.
"""

from resode_lib.claims import (
    attached_ode,
    euler_bound,
    euler_gradient,
    euler_limit,
    euler_reconstruction,
    fixed_point_inversion,
    float32_floor,
    heun_reversal,
    integrator_order,
    perturbed_weights,
    stiff_reversal,
    tight_bound,
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
        euler_reconstruction,
        euler_gradient,
        heun_reversal,
        fixed_point_inversion,
        stiff_reversal,
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
