"""The pocket models' tokenizer: byte-level BPE, single-digit tokens, a lean chat template.

Byte level means that any text can be written; it is trained on pocket problems and chains. The
openings of arguments, `(a=` and `, b=`, may become one token each, so a call is short. So may what
stands around the names and adjectives of logic, `Everyone who is ` with its last space: these are
then the same tokens in a question and in its formulas, and copying is learned by position.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.problems.pocket.sentences import VERBS

VOCABULARY = 1024
CONTEXT = 8192  # tokens

PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

_AROUND = (
    "Everyone|everyone|All|people|If|Someone|someone|person|they|who|a|is|are|not|and|or|it|Is|that|"
    "True|False|Uncertain|" + "|".join(VERBS)
)
_PIECES = (  # repeats of groups are bounded: else a long text overflows the stack of the regex
    r"[(,] ?[a-z_]+=|\p{N}|"
    rf"(?: ?\b(?:{_AROUND})\b,?(?= )){{1,16}} |"
    r"(?:[^\p{L}\p{N}]{0,16}\b(?:forall|exists|x|y)\b){1,8}[^\p{L}\p{N}]{0,16}|"
    r" ?\p{L}+|_\p{L}+| ?[^\s\p{L}\p{N}]+(?: [^\s\p{L}\p{N}]*)?|\s+"
)


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `VOCABULARY` tokens, trained on `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]  # their stubs
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=list(ROLES),
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
