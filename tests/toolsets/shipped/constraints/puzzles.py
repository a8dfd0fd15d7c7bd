"""Puzzles solved by hand, as (call, content)."""

from __future__ import annotations

SEND = "1000S+100E+10N+D + 1000M+100O+10R+E = 10000M+1000O+100N+10E+Y"
TWO = "2*(100T + 10W + O) = 1000F + 100O + 10U + R"
AUSTRALIA = [
    *("wa != nt", "wa != sa", "nt != sa", "nt != q", "sa != q"),
    *("sa != nsw", "sa != v", "q != nsw", "nsw != v"),
]
ZEBRA = {
    "variables": {
        "english, spaniard, japanese, ukrainian, norwegian": "1..5",
        "red, green, ivory, yellow, blue": "1..5",
        "dog, snails, fox, horse, zebra": "1..5",
        "coffee, tea, milk, juice, water": "1..5",
        "gold, kools, chesterfield, lucky, parliament": "1..5",
    },
    "constraints": [
        "distinct(english, spaniard, japanese, ukrainian, norwegian)",
        "distinct(red, green, ivory, yellow, blue)",
        "distinct(dog, snails, fox, horse, zebra)",
        "distinct(coffee, tea, milk, juice, water)",
        "distinct(gold, kools, chesterfield, lucky, parliament)",
        *("english = red", "spaniard = dog", "coffee = green", "ukrainian = tea"),
        *("green = ivory + 1", "gold = snails", "kools = yellow", "milk = 3", "norwegian = 1"),
        *("|chesterfield - fox| = 1", "|kools - horse| = 1", "lucky = juice"),
        *("japanese = parliament", "|norwegian - blue| = 1"),
    ],
}
MAGIC = [
    "distinct(a,b,c,d,e,f,g,h,i)",
    *("a+b+c = 15", "d+e+f = 15", "g+h+i = 15", "a+d+g = 15", "b+e+h = 15", "c+f+i = 15"),
    *("a+e+i = 15", "c+e+g = 15", "a = 2", "b = 7"),
]
QUEENS = [
    "distinct(q1,q2,q3,q4,q5,q6)",
    "distinct(q1+1, q2+2, q3+3, q4+4, q5+5, q6+6)",
    "distinct(q1-1, q2-2, q3-3, q4-4, q5-5, q6-6)",
]


def call(name: str, **arguments: object) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def find(variables: dict[str, object], *constraints: str) -> str:
    return call("find_values", variables=variables, constraints=list(constraints))


PUZZLES = [
    (  # heads and legs: 2*23 + 4*7 = 74
        find({"hens, cows": "int 0..30"}, "hens + cows = 30", "2*hens + 4*cows = 74"),
        "hens = 23, cows = 7 (the only solution)",
    ),
    (  # in 5 years the father is 45 and the son 15
        find({"father, son": "int >= 0"}, "father + 5 = 3(son + 5)", "father + son = 50"),
        "father = 40, son = 10 (the only solution)",
    ),
    (  # 9567 + 1085 = 10652
        find({"S,E,N,D,M,O,R,Y": "0..9"}, "distinct(S,E,N,D,M,O,R,Y)", "S > 0", "M > 0", SEND),
        "S = 9, E = 5, N = 6, D = 7, M = 1, O = 0, R = 8, Y = 2 (the only solution)",
    ),
    (  # 734, 765, 836, 846, 867, 928, 938
        call(
            "count_solutions",
            variables={"T,W,O,F,U,R": "0..9"},
            constraints=["distinct(T,W,O,F,U,R)", "T > 0", "F > 0", TWO],
        ),
        "7",
    ),
    (call("count_solutions", variables={"q1,q2,q3,q4,q5,q6": "1..6"}, constraints=QUEENS), "4"),
    (  # six ways for the mainland, three colours for Tasmania
        call(
            "count_solutions",
            variables={"wa, nt, sa, q, nsw, v, t": ["red", "green", "blue"]},
            constraints=AUSTRALIA,
        ),
        "18",
    ),
    (  # only 1, 3 and 5 are far enough apart: 3! orders
        call("count_solutions", variables={"x, y, z": "1..5"}, constraints=["apart(2, x, y, z)"]),
        "6",
    ),
    (
        find(
            {"ann, bob, cal": ["cat", "dog", "fish"]},
            *("distinct(ann, bob, cal)", "ann != 'dog'", "bob = fish"),
        ),
        "ann = cat, bob = fish, cal = dog (the only solution)",
    ),
    (  # a says that b is a knave, b says that both are knights
        find({"a, b": "bool"}, "a <-> not b", "b <-> (a and b)"),
        "a = true, b = false (the only solution)",
    ),
    (  # a: b lies; b: c lies; c: both others lie
        find({"a, b, c": "bool"}, "a <-> not b", "b <-> not c", "c <-> (not a and not b)"),
        "a = false, b = true, c = false (the only solution)",
    ),
    (  # c sits at the left end, a and b not together, d to the right of a
        find(
            {"a, b, c, d": "1..4"},
            *("distinct(a, b, c, d)", "c = 1", "abs(a - b) > 1", "d > a"),
        ),
        "a = 2, b = 4, c = 1, d = 3 (the only solution)",
    ),
    (
        find({"a,b,c,d,e,f,g,h,i": "1..9"}, *MAGIC),
        "a = 2, b = 7, c = 6, d = 9, e = 5, f = 1, g = 4, h = 3, i = 8 (the only solution)",
    ),
    (
        find({"x, y, z": "1..20"}, "x < y < z", "x^2 + y^2 = z^2", "x + y + z = 40"),
        "x = 8, y = 15, z = 17 (the only solution)",
    ),
    (  # Sunzi: 23, and then every 105
        find({"x": "0..104"}, "x % 3 = 2", "x % 5 = 3", "x % 7 = 2"),
        "x = 23 (the only solution)",
    ),
    (call("must_hold", **ZEBRA, claim="zebra = japanese and water = norwegian"), "True"),
    (call("can_hold", **ZEBRA, claim="zebra = norwegian"), "False"),
    (
        find({"x, y": "int 0..2"}, "x + y = 2", "x > 0"),
        "x = 2, y = 0 (not the only solution: another has x = 1, y = 1)",
    ),
    (find({"x": "real"}, "3x = 1"), "x = 1/3 (the only solution)"),
    (find({"x": "real >= 0"}, "x * x = 2"), "x ≈ 1.414213562373095 (the only solution)"),
    (find({"x": "1, 4, 9, 16"}, "x in [2, 4, 6]"), "x = 4 (the only solution)"),
    (
        find({"x": "0..20", "big": "bool"}, "x = (15 if big else 5)", "big -> x < 10"),
        "x = 5, big = false (the only solution)",
    ),
    (  # Python's //: rounded down
        find({"x": "-10..10"}, "x // 3 = -2", "x % 3 = 1"),
        "x = -5 (the only solution)",
    ),
    (
        find({"x, y": "-9..9"}, "x = 7 // -2", "y = 7 % -2"),
        "x = -4, y = -1 (the only solution)",
    ),
    (
        find({"p, q, r": "bool"}, "exactly(1, p, q, r)", "at_least(1, p, q)", "not p"),
        "p = false, q = true, r = false (the only solution)",
    ),
    (  # 2*25 + 10 + 3*1
        call(
            "minimize",
            objective="q + d + n + p",
            variables={"q, d, n, p": "int >= 0"},
            constraints=["25q + 10d + 5n + p = 63"],
        ),
        "6, with q = 2, d = 1, n = 0, p = 3",
    ),
    (
        call(
            "maximize",
            objective="60a + 100b + 120c",
            variables={"a, b, c": "0..1"},
            constraints=["10a + 20b + 30c <= 50"],
        ),
        "220, with a = 0, b = 1, c = 1",
    ),
    (  # Hillier and Lieberman's Wyndor Glass
        call(
            "maximize",
            objective="3x + 5y",
            variables={"x, y": "real >= 0"},
            constraints=["x <= 4", "2y <= 12", "3x + 2y <= 18"],
        ),
        "36, with x = 2, y = 6",
    ),
    (
        call(
            "maximize",
            objective="x*y",
            variables={"x, y": "real 0..10"},
            constraints=["x + y = 10"],
        ),
        "25, with x = 5, y = 5",
    ),
    (
        call("maximize", objective="x", variables={"x": "real"}, constraints=["x < 3"]),
        "no largest value: it comes close to 3 and never reaches it",
    ),
    (
        call("minimize", objective="x", variables={"x": "int"}, constraints=["x < 3"]),
        "no smallest value: there is no bound",
    ),
    (call("must_hold", variables={"x": "int"}, constraints=["x > 3"], claim="x*x > 9"), "True"),
    (
        call("must_hold", variables={"x": "int"}, constraints=["x > 3"], claim="x > 4"),
        "False, for example x = 4",
    ),
    (
        call("can_hold", variables={"x": "1..6"}, constraints=["x > 5"], claim="x % 2 = 0"),
        "True, for example x = 6",
    ),
]

CONTRADICTIONS = [
    (
        find({"a, b": "bool"}, "a -> b", "a or not a", "a", "not b"),
        "a -> b; a; not b",
    ),
    (
        find({"x, y": "1..9"}, "x + y = 30", "x > y"),
        "x + y = 30; x is from 1 to 9; y is from 1 to 9",
    ),
    (find({"x": "int"}, "x > 3", "x != 7", "x < 2"), "x > 3; x < 2"),
    (
        find({"a, b, c": ["early", "late"]}, "distinct(a, b, c)"),
        "distinct(a, b, c); a is one of early, late; b is one of early, late; "
        "c is one of early, late",
    ),
    (find({"x": "int"}, "2x = 7"), "2x = 7"),
    (  # Z3's own core names y < z as well
        find({"x, y, z": "int 0..6"}, "x + y = 5", "x*2 != x", "x*2 = y", "y < z"),
        "x + y = 5; x*2 = y",
    ),
    (find({"x": "real"}, "x*x = -1"), "x*x = -1"),
    (
        call("maximize", objective="x", variables={"x": "0..3"}, constraints=["x > 5"]),
        "x > 5; x is from 0 to 3",
    ),
    (
        call("must_hold", variables={"x": "int"}, constraints=["x > 3", "x < 3"], claim="x = 0"),
        "x > 3; x < 3",
    ),
    (find({"x": "int"}, "6/x = 0"), "6/x = 0; x is not 0, as it is a divisor"),
]
