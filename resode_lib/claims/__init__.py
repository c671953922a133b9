"""The claims of the course: one file per claim, one definition, three readers.

Chapters print a claim's verdict under the theorem, the tests assert it and its controls, the
ledger page lists it.
"""

from resode_lib.claims import (
    attached_ode,
    blow_up,
    clipped_flow,
    commutator,
    continuous_adjoint,
    contracting_blocks,
    depth_conservation,
    depth_factor,
    descent_is_euler,
    descent_lemma,
    discrete_adjoint,
    double_limit,
    energy,
    euler_bound,
    euler_gradient,
    euler_limit,
    euler_reconstruction,
    fixed_point_inversion,
    float32_floor,
    gram_positive,
    gram_width,
    growth_in_time,
    heun_reversal,
    horizon_scaling,
    increments,
    integrator_order,
    kernel_quadrature,
    layer_bound,
    limit_of_minima,
    linear_flow,
    linear_limit,
    linear_quadratic,
    local_pl,
    long_horizon,
    long_time,
    loss_is_blind,
    mean_square,
    momentum_reversal,
    natural_boundary,
    one_step,
    order_preservation,
    perturbed_weights,
    piecewise_constant_ode,
    pl_ball,
    pl_constant,
    pl_decay,
    pl_descent,
    pl_growth,
    random_signs,
    refinement,
    regulariser_limit,
    relu_increments,
    scaling_exponents,
    slice_cap,
    stability_function,
    stiff_reversal,
    tight_bound,
    trained_limit,
    turnpike,
    two_gradients,
    two_norms,
    uniform_time,
)
from resode_lib.claims._claim import CHAPTERS, Check, Claim, Verdict
from resode_lib.claims._ledger import recorded, to_store

__all__ = ["CHAPTERS", "CLAIMS", "Check", "Claim", "Verdict", "get", "recorded", "to_store"]

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
        one_step,
        slice_cap,
        stability_function,
        contracting_blocks,
        piecewise_constant_ode,
        random_signs,
        mean_square,
        scaling_exponents,
        order_preservation,
        energy,
        blow_up,
        layer_bound,
        depth_factor,
        descent_lemma,
        descent_is_euler,
        clipped_flow,
        linear_flow,
        linear_limit,
        commutator,
        increments,
        trained_limit,
        relu_increments,
        growth_in_time,
        refinement,
        loss_is_blind,
        two_norms,
        pl_decay,
        pl_growth,
        local_pl,
        pl_descent,
        pl_constant,
        gram_positive,
        gram_width,
        pl_ball,
        long_time,
        uniform_time,
        double_limit,
        discrete_adjoint,
        continuous_adjoint,
        two_gradients,
        stiff_reversal,
        euler_reconstruction,
        euler_gradient,
        heun_reversal,
        fixed_point_inversion,
        momentum_reversal,
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
