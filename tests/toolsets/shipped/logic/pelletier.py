"""Pelletier's problems in first-order logic with equality, transcribed by hand.

After F. J. Pelletier, Seventy-Five Problems for Testing Automatic Theorem Provers, Journal of
Automated Reasoning 2 (1986) 191-216, with the corrections of 4 (1988) 235-236 and 18 (1997) 135.
Each problem is its premises and, last, its conclusion. Families of problems (71 to 75) are included
in one size. 68 and 70 are left out because their text was not available.
"""

GROUP = (
    "forall x forall y forall z f(x, f(y, z)) = f(f(x, y), z)",
    "forall x f(e, x) = x",
    "forall x f(i(x), x) = e",
)
DETACHMENT = (
    "forall x forall y (T(i(x, y)) & T(x) -> T(y))",
    "forall x forall y T(i(x, i(y, x)))",
    "forall x forall y forall z T(i(i(x, i(y, z)), i(i(x, y), i(x, z))))",
    "forall x forall y T(i(i(n(x), n(y)), i(y, x)))",
)

PROBLEMS: dict[int, tuple[str, ...]] = {
    1: ("(p -> q) <-> (~q -> ~p)",),
    2: ("~~p <-> p",),
    3: ("~(p -> q) -> (q -> p)",),
    4: ("(~p -> q) <-> (~q -> p)",),
    5: ("((p | q) -> (p | r)) -> (p | (q -> r))",),
    6: ("p | ~p",),
    7: ("p | ~~~p",),
    8: ("((p -> q) -> p) -> p",),
    9: ("((p | q) & (~p | q) & (p | ~q)) -> ~(~p | ~q)",),
    10: ("q -> r", "r -> p & q", "p -> q | r", "p <-> q"),
    11: ("p <-> p",),
    12: ("((p <-> q) <-> r) <-> (p <-> (q <-> r))",),
    13: ("p | (q & r) <-> (p | q) & (p | r)",),
    14: ("(p <-> q) <-> ((q | ~p) & (~q | p))",),
    15: ("(p -> q) <-> (~p | q)",),
    16: ("(p -> q) | (q -> p)",),
    17: ("(p & (q -> r) -> s) <-> (~p | q | s) & (~p | ~r | s)",),
    18: ("exists y forall x (F(y) -> F(x))",),
    19: ("exists x forall y forall z ((P(y) -> Q(z)) -> (P(x) -> Q(x)))",),
    20: (
        "forall x forall y exists z forall w (P(x) & Q(y) -> R(z) & S(w))",
        "(exists x exists y (P(x) & Q(y))) -> exists z R(z)",
    ),
    21: ("exists x (p -> F(x))", "exists x (F(x) -> p)", "exists x (p <-> F(x))"),
    22: ("(forall x (p <-> F(x))) -> (p <-> forall x F(x))",),
    23: ("(forall x (p | F(x))) <-> (p | forall x F(x))",),
    24: (
        "~exists x (S(x) & Q(x))",
        "forall x (P(x) -> Q(x) | R(x))",
        "~(exists x P(x)) -> exists x Q(x)",
        "forall x (Q(x) | R(x) -> S(x))",
        "exists x (P(x) & R(x))",
    ),
    25: (
        "exists x P(x)",
        "forall x (F(x) -> ~(G(x) & R(x)))",
        "forall x (P(x) -> G(x) & F(x))",
        "(forall x (P(x) -> Q(x))) | exists x (P(x) & R(x))",
        "exists x (Q(x) & P(x))",
    ),
    26: (
        "(exists x P(x)) <-> (exists x Q(x))",
        "forall x forall y (P(x) & Q(y) -> (R(x) <-> S(y)))",
        "(forall x (P(x) -> R(x))) <-> (forall x (Q(x) -> S(x)))",
    ),
    27: (
        "exists x (F(x) & ~G(x))",
        "forall x (F(x) -> H(x))",
        "forall x (J(x) & I(x) -> F(x))",
        "(exists x (H(x) & ~G(x))) -> forall x (I(x) -> ~H(x))",
        "forall x (J(x) -> ~I(x))",
    ),
    28: (
        "forall x (P(x) -> forall z Q(z))",
        "(forall x (Q(x) | R(x))) -> exists x (Q(x) & S(x))",
        "(exists x S(x)) -> forall x (F(x) -> G(x))",
        "forall x (P(x) & F(x) -> G(x))",
    ),
    29: (
        "(exists x F(x)) & exists x G(x)",
        "(forall x (F(x) -> H(x))) & (forall x (G(x) -> J(x)))"
        " <-> forall x forall y (F(x) & G(y) -> H(x) & J(y))",
    ),
    30: (
        "forall x (F(x) | G(x) -> ~H(x))",
        "forall x ((G(x) -> ~I(x)) -> F(x) & H(x))",
        "forall x I(x)",
    ),
    31: (
        "~exists x (F(x) & (G(x) | H(x)))",
        "exists x (I(x) & F(x))",
        "forall x (~H(x) -> J(x))",
        "exists x (I(x) & J(x))",
    ),
    32: (
        "forall x (F(x) & (G(x) | H(x)) -> I(x))",
        "forall x (I(x) & H(x) -> J(x))",
        "forall x (K(x) -> H(x))",
        "forall x (F(x) & K(x) -> J(x))",
    ),
    33: (
        "(forall x (P(a) & (P(x) -> P(b)) -> P(c)))"
        " <-> forall x ((~P(a) | P(x) | P(c)) & (~P(a) | ~P(b) | P(c)))",
    ),
    34: (
        "((exists x forall y (P(x) <-> P(y))) <-> ((exists x Q(x)) <-> forall y Q(y)))"
        " <-> ((exists x forall y (Q(x) <-> Q(y))) <-> ((exists x P(x)) <-> forall y P(y)))",
    ),
    35: ("exists x exists y (P(x, y) -> forall x forall y P(x, y))",),
    36: (
        "forall x exists y F(x, y)",
        "forall x exists y G(x, y)",
        "forall x forall y (F(x, y) | G(x, y) -> forall z (F(y, z) | G(y, z) -> H(x, z)))",
        "forall x exists y H(x, y)",
    ),
    37: (
        "forall z exists w forall x exists y"
        " ((P(x, z) -> P(y, w)) & P(y, z) & (P(y, w) -> exists u Q(u, w)))",
        "forall x forall z (~P(x, z) -> exists y Q(y, z))",
        "(exists x exists y Q(x, y)) -> forall x R(x, x)",
        "forall x exists y R(x, y)",
    ),
    38: (
        "(forall x (P(a) & (P(x) -> exists y (P(y) & R(x, y)))"
        " -> exists z exists w (P(z) & R(x, w) & R(w, z))))"
        " <-> forall x ((~P(a) | P(x) | exists z exists w (P(z) & R(x, w) & R(w, z)))"
        " & (~P(a) | ~(exists y (P(y) & R(x, y)))"
        " | exists z exists w (P(z) & R(x, w) & R(w, z))))",
    ),
    39: ("~exists x forall y (F(y, x) <-> ~F(y, y))",),
    40: (
        "(exists y forall x (F(x, y) <-> F(x, x)))"
        " -> ~forall x exists y forall z (F(z, y) <-> ~F(z, x))",
    ),
    41: (
        "forall z exists y forall x (F(x, y) <-> F(x, z) & ~F(x, x))",
        "~exists z forall x F(x, z)",
    ),
    42: ("~exists y forall x (F(x, y) <-> ~exists z (F(x, z) & F(z, x)))",),
    43: (
        "forall x forall y (Q(x, y) <-> forall z (F(z, x) <-> F(z, y)))",
        "forall x forall y (Q(x, y) <-> Q(y, x))",
    ),
    44: (
        "forall x (F(x) -> (exists y (G(y) & H(x, y))) & exists y (G(y) & ~H(x, y)))",
        "exists x (J(x) & forall y (G(y) -> H(x, y)))",
        "exists x (J(x) & ~F(x))",
    ),
    45: (
        "forall x (F(x) & (forall y (G(y) & H(x, y) -> J(x, y)))"
        " -> forall y (G(y) & H(x, y) -> K(y)))",
        "~exists y (L(y) & K(y))",
        "exists x (F(x) & (forall y (H(x, y) -> L(y))) & forall y (G(y) & H(x, y) -> J(x, y)))",
        "exists x (F(x) & ~exists y (G(y) & H(x, y)))",
    ),
    46: (
        "forall x (F(x) & (forall y (F(y) & H(y, x) -> G(y))) -> G(x))",
        "(exists x (F(x) & ~G(x))) -> exists x (F(x) & ~G(x) & forall y (F(y) & ~G(y) -> J(x, y)))",
        "forall x forall y (F(x) & F(y) & H(x, y) -> ~J(y, x))",
        "forall x (F(x) -> G(x))",
    ),
    47: (  # Schubert's steamroller
        *(f"forall x ({kind}(x) -> Animal(x))" for kind in ("Wolf", "Fox", "Bird", "Snail")),
        "forall x (Caterpillar(x) -> Animal(x))",
        "exists x Wolf(x)",
        "exists x Fox(x)",
        "exists x Bird(x)",
        "exists x Caterpillar(x)",
        "exists x Snail(x)",
        "exists x Grain(x)",
        "forall x (Grain(x) -> Plant(x))",
        "forall x (Animal(x) -> (forall y (Plant(y) -> Eats(x, y))) | forall y (Animal(y)"
        " & Smaller(y, x) & (exists z (Plant(z) & Eats(y, z))) -> Eats(x, y)))",
        "forall x forall y (Bird(y) & (Snail(x) | Caterpillar(x)) -> Smaller(x, y))",
        "forall x forall y (Bird(x) & Fox(y) -> Smaller(x, y))",
        "forall x forall y (Fox(x) & Wolf(y) -> Smaller(x, y))",
        "forall x forall y (Wolf(x) & (Fox(y) | Grain(y)) -> ~Eats(x, y))",
        "forall x forall y (Bird(x) & Caterpillar(y) -> Eats(x, y))",
        "forall x forall y (Bird(x) & Snail(y) -> ~Eats(x, y))",
        "forall x (Caterpillar(x) | Snail(x) -> exists y (Plant(y) & Eats(x, y)))",
        "exists x exists y (Animal(x) & Animal(y) & exists z (Grain(z) & Eats(y, z) & Eats(x, y)))",
    ),
    48: ("a = b | c = d", "a = c | b = d", "a = d | b = c"),
    49: (
        "exists x exists y forall z (z = x | z = y)",
        "P(a) & P(b)",
        "a != b",
        "forall x P(x)",
    ),
    50: ("forall x (F(a, x) | forall y F(x, y))", "exists x forall y F(x, y)"),
    51: (
        "exists z exists w forall x forall y (F(x, y) <-> x = z & y = w)",
        "exists z forall x ((exists w forall y (F(x, y) <-> y = w)) <-> x = z)",
    ),
    52: (
        "exists z exists w forall x forall y (F(x, y) <-> x = z & y = w)",
        "exists w forall y ((exists z forall x (F(x, y) <-> x = z)) <-> y = w)",
    ),
    53: (
        "exists x exists y (x != y & forall z (z = x | z = y))",
        "(exists z forall x ((exists w forall y (F(x, y) <-> y = w)) <-> x = z))"
        " <-> exists w forall y ((exists z forall x (F(x, y) <-> x = z)) <-> y = w)",
    ),
    54: (
        "forall y exists z forall x (F(x, z) <-> x = y)",
        "~exists w forall x (F(x, w) <-> forall u (F(x, u)"
        " -> exists y (F(y, u) & ~exists z (F(z, u) & F(z, y)))))",
    ),
    55: (  # who killed Aunt Agatha?
        "exists x (Lives(x) & Killed(x, agatha))",
        "Lives(agatha) & Lives(butler) & Lives(charles)",
        "forall x (Lives(x) -> x = agatha | x = butler | x = charles)",
        "forall x forall y (Killed(x, y) -> Hates(x, y))",
        "forall x forall y (Killed(x, y) -> ~Richer(x, y))",
        "forall x (Hates(agatha, x) -> ~Hates(charles, x))",
        "forall x (x != butler -> Hates(agatha, x))",
        "forall x (~Richer(x, agatha) -> Hates(butler, x))",
        "forall x (Hates(agatha, x) -> Hates(butler, x))",
        "forall x exists y ~Hates(x, y)",
        "agatha != butler",
        "Killed(agatha, agatha)",
    ),
    56: ("(forall x ((exists y (F(y) & x = f(y))) -> F(x))) <-> forall x (F(x) -> F(f(x)))",),
    57: (
        "F(f(a, b), f(b, c))",
        "F(f(b, c), f(a, c))",
        "forall x forall y forall z (F(x, y) & F(y, z) -> F(x, z))",
        "F(f(a, b), f(a, c))",
    ),
    58: ("forall x forall y f(x) = g(y)", "forall x forall y f(f(x)) = f(g(y))"),
    59: ("forall x (F(x) <-> ~F(f(x)))", "exists x (F(x) & ~F(f(x)))"),
    60: ("forall x (F(x, f(x)) <-> exists y ((forall z (F(z, y) -> F(z, f(x)))) & F(x, y)))",),
    61: (
        "forall x forall y forall z f(x, f(y, z)) = f(f(x, y), z)",
        "forall x forall y forall z forall w f(x, f(y, f(z, w))) = f(f(f(x, y), z), w)",
    ),
    62: (
        "(forall x (F(a) & (F(x) -> F(f(x))) -> F(f(f(x)))))"
        " <-> forall x ((~F(a) | F(x) | F(f(f(x)))) & (~F(a) | ~F(f(x)) | F(f(f(x)))))",
    ),
    63: (*GROUP, "forall x forall y forall z (f(x, y) = f(z, y) -> x = z)"),
    64: (*GROUP, "forall x forall y (f(y, x) = e -> f(x, y) = e)"),
    65: (*GROUP, "(forall x f(x, x) = e) -> forall x forall y f(x, y) = f(y, x)"),
    66: (*DETACHMENT, "forall x T(i(x, n(n(x))))"),
    67: (*DETACHMENT, "forall x T(i(n(n(x)), x))"),
    69: (
        *DETACHMENT,
        "forall x forall y T(i(l(i(x, y)), i(l(x), l(y))))",
        "forall x T(i(l(x), x))",
        "forall x (T(x) -> T(l(x)))",
        "forall x T(i(l(x), n(l(n(x)))))",
    ),
    71: ("p <-> (q <-> (r <-> (s <-> (p <-> (q <-> (r <-> s))))))",),
    72: (  # four pigeons in three holes
        *(f"P{n}1 | P{n}2 | P{n}3" for n in range(1, 5)),
        " | ".join(
            f"(P{one}{hole} & P{other}{hole})"
            for hole in (1, 2, 3)
            for one in range(1, 5)
            for other in range(one + 1, 5)
        ),
    ),
    73: (  # the same in first-order logic, with functions for the pigeons' numbers
        "forall x forall y (s(x) = s(y) -> x = y)",
        "forall x s(x) != zero",
        *(f"In({'s(' * n}zero{')' * n}, a) | In({'s(' * n}zero{')' * n}, b)" for n in range(3)),
        "exists h exists x exists y (x != y & In(x, h) & In(y, h))",
    ),
    74: (  # a graph of five edges whose nodes want an odd sum
        *("a ⊕ b", "¬(a ⊕ c ⊕ d)", "¬(b ⊕ c ⊕ e)"),
        "d ⊕ e",
    ),
    75: (  # the same on a square of nine nodes, numbered by rows; h across, v down
        *("h1 ⊕ v1", "¬(h1 ⊕ h2 ⊕ v2)", "¬(h2 ⊕ v3)"),
        *("¬(v1 ⊕ h3 ⊕ v4)", "¬(v2 ⊕ h3 ⊕ h4 ⊕ v5)", "¬(v3 ⊕ h4 ⊕ v6)"),
        *("¬(v4 ⊕ h5)", "¬(v5 ⊕ h5 ⊕ h6)"),
        "v6 ⊕ h6",
    ),
}
