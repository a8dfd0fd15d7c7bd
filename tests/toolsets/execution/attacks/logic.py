"""Hostile calls of the toolset `logic`, by expected outcome."""

from __future__ import annotations

_ATOMS = "abcdefghijklmnopqrstuvwxyz"
_DEEP = "not " * 5_000 + "P(a)"
_PARENTHESES = "(" * 3_000 + "P(a)" + ")" * 3_000
_WIDE = " and ".join(f"P{i}(a)" for i in range(1_500))
_XOR = " xor ".join(f"P{i}(a)" for i in range(25))
_IFF = " <-> ".join(f"P{i}(a)" for i in range(25))
_EITHER = " and ".join(f"(P{i}(a) or Q{i}(a))" for i in range(30))

# Hard for a solver: its search for instances of quantifiers may not end.
_SUCCESSOR = ["forall x (N(x) -> N(s(x)))", "N(zero)", "forall x not (s(x) = zero)"]
_ENDLESS = ["forall x exists y R(x, y)", "forall x not R(x, x)"]
_TRANSITIVE = ["forall x forall y forall z ((R(x, y) and R(y, z)) -> R(x, z))"]
_INFINITE = [*_ENDLESS, *_TRANSITIVE]
_GROUP = [
    "forall x forall y forall z (m(m(x, y), z) = m(x, m(y, z)))",
    "forall x (m(e, x) = x)",
    "forall x (m(i(x), x) = e)",
]
_PIGEONS = [f"forall x ({' or '.join(f'H{h}(x)' for h in range(7))})"] + [
    f"not (H{h}(p{i}) and H{h}(p{j}))" for h in range(7) for i in range(8) for j in range(i)
]
_NUMBERS = [f"N({i})" for i in range(150)]
_ALL = " ".join(f"forall x{i}" for i in range(9))

ATTACKS: dict[str, tuple[str, ...]] = {
    "unparseable_call": (
        "entails(premises=[x for x in range(9)], conclusion='P(a)')",
        "entails(premises=['P(a)'] * 10**9, conclusion='P(a)')",
        "negate(formula='P(' + 'a' * 10**9 + ')')",
        "negate(formula=f'{__import__(\"os\")}')",
        "negate(formula=z3.ForAll)",
        "negate(formula=negate.__globals__)",
        f"negate(formula='{'P' * 20_000}')",
        "consistent(formulas=" + "[" * 100 + "]" * 100 + ")",
        "z3.Solver().check()",
        f"negate(formula='{_DEEP}')",
    ),
    "unknown_function": (
        "Z3_parse_smtlib2_string('')",
        "prove('P')",
    ),
    "bad_arguments": (
        "negate(formula=5)",
        "negate(formula=null)",
        "negate(formula=['P(a)'])",
        "consistent(formulas=[1, 2])",
        "entails(premises=['P(a)'])",
        "entails(premises={'a': 'P(a)'}, conclusion='P(a)')",
        "negate(formula='P(a)', timeout=100000)",
    ),
    "function_error": (
        "negate(formula='')",
        "negate(formula='   ')",
        "negate(formula='(')",
        "negate(formula=')')",
        "negate(formula='P(')",
        "negate(formula='P(a')",
        "negate(formula='forall')",
        "negate(formula='forall x')",
        "negate(formula='∀')",
        "negate(formula='∀x∀x∀x')",
        "negate(formula='and and and')",
        "negate(formula='->')",
        "negate(formula='P(a) ->')",
        "negate(formula='= = =')",
        "negate(formula='\\0')",
        "negate(formula='🦊🦊🦊')",
        "negate(formula='\\u202eP(a)(')",
        'negate(formula=\'__import__("os").system("true")\')',
        "negate(formula='().__class__')",
        "negate(formula='{0.__class__}')",
        "negate(formula='lambda: 1')",
        "negate(formula='(assert false)(check-sat')",
        "negate(formula='(declare-const x Int)')",
        "instantiate(formula='forall x P(x)', term='P(')",
        "modus_ponens(conditional='P(a)', antecedent='P(a)')",
        "resolution(first='P(a)', second='Q(a)')",
        f"closed_world(premises={_PIGEONS}, conclusion='H1(p1)')",
        f"follows_by_rules(premises={_GROUP}, conclusion='P(a)')",
        "closed_world(premises=['P(a)'], conclusion='().__class__')",
    ),
    "limit_exceeded": (
        f"negate(formula='{_PARENTHESES}')",
        f"negate(formula='{'∀x ' * 4_000}P(x)')",
        f"negate(formula='{'f(' * 3_000}a{')' * 3_000}')",
        f"negate(formula='P({'f(' * 200}a{')' * 200})')",
        f"negate(formula='{'(' * 9_000}')",
        f"negate(formula='{'¬' * 9_000}')",
        f"truth_table(formula='{_XOR}')",
        f"to_cnf(formula='{_XOR}')",
        f"to_dnf(formula='{_EITHER}')",
        f"entails(premises={['P(a)'] * 201}, conclusion='P(a)')",
        f"negate(formula='{_WIDE[:9_000].rpartition(' and ')[0]}')",
        f"closed_world(premises=['{_IFF}'], conclusion='P(a)')",
        f"derive_facts(premises=['{_EITHER} -> Q(a)'])",
        f"derive_facts(premises={_ENDLESS})",
        f"derive_facts(premises={[*_NUMBERS, 'forall x forall y (N(x) & N(y) -> M(x, y))']})",
        f"closed_world(premises={_NUMBERS}, conclusion='{_ALL} N(x1)')",
    ),
    "ok": (
        "consistent(formulas='P(a)')",
        f"consistent(formulas={_PIGEONS})",
        f"consistent(formulas=['{_XOR}'])",
        f"consistent(formulas=['{_IFF}'])",
        f"consistent(formulas={_SUCCESSOR})",
        f"entails(premises={_SUCCESSOR}, conclusion='exists x N(s(s(s(x))))')",
        f"entails(premises={_SUCCESSOR}, conclusion='forall x N(x)')",
        f"consistent(formulas={_INFINITE})",
        f"find_model(formulas={_INFINITE})",
        f"entails(premises={_INFINITE}, conclusion='exists x exists y (R(x, y) and R(y, x))')",
        f"consistent(formulas={_GROUP})",
        f"entails(premises={_GROUP}, conclusion='forall x forall y (m(x, y) = m(y, x))')",
        f"entails(premises={_GROUP}, conclusion='forall x (m(x, i(x)) = e)')",
        "entails(premises=['forall x (P(x) -> P(f(f(x))))', 'P(a)'], conclusion='P(f(a))')",
        "entails(premises=['forall x exists y forall z exists w R(x, y, z, w)'],"
        " conclusion='exists y forall x exists w forall z R(x, y, z, w)')",
        "find_model(formulas=['forall x exists y R(x, y)', 'exists y forall x not R(x, y)'])",
        "counter_model(premises=['P(a)'], conclusion='P(a)')",
        "entails(premises=[], conclusion='P(a) or not P(a)')",
        f"premises_used(premises={_PIGEONS}, conclusion='P(a)')",
        f"premises_used(premises={_INFINITE}, conclusion='P(a)')",
        f"premises_used(premises={_GROUP}, conclusion='forall x (m(x, i(x)) = e)')",
        f"follows_by_rules(premises={_INFINITE}, conclusion='R(a, b) or R(b, a) or R(c, c)')",
    ),
}
