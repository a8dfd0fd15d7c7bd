"""The pocket models' tokenizer: byte-level BPE, single-digit tokens, a minimal chat template.

Byte-level BPE can encode any text; it is trained on pocket problems and chains. `(a=` and `, b=`,
which start an argument, may become one token each, so calls are short. So may the text around the
names and adjectives of logic problems, such as `Everyone who is ` with the final space. Names and
adjectives are then the same tokens in a question and in its formulas, so copying can be learned by
position.
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

_FUNCTION_WORDS = (
    "Everyone|everyone|All|people|If|Someone|someone|person|they|who|a|is|are|not|and|or|it|Is|that|"
    "True|False|Uncertain|" + "|".join(VERBS)
)
_PIECES = (  # group repeats are bounded: otherwise a long text overflows the regex stack
    r"[(,] ?[a-z_]+=|\p{N}|"
    rf"(?: ?\b(?:{_FUNCTION_WORDS})\b,?(?= )){{1,16}} |"
    r"(?:[^\p{L}\p{N}]{0,16}\b(?:forall|exists|x|y)\b){1,8}[^\p{L}\p{N}]{0,16}|"
    r" ?\p{L}+|_\p{L}+| ?[^\s\p{L}\p{N}]+(?: [^\s\p{L}\p{N}]*)?|\s+"
)


def train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Train a tokenizer of at most `VOCABULARY` tokens on `texts`."""
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
