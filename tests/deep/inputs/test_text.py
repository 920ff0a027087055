"""Texts: split and looked up in Python and in Keras alike, from the recipe to the saved file."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modalities import LABELS

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.recipe.preprocessing import Preprocessing, Text

pytestmark = pytest.mark.tf

ODD = [
    "", "Été É é", "好 日本　語", "🙂 👩‍👩‍👧", "it's  \t\n\r\v\f(not) `a`_b^c", "nul\0 \0nul \0",
    "no\u00a0break\u2028line", "[UNK] [unk] unk", "''!''", "İ ß ÄÖ", "\x1c\x1d\x85",
]  # fmt: skip


def _fit(texts, **chosen):
    from dlrun.deep.inputs.text import fit

    frame = pd.DataFrame({"t": pd.Series(texts, dtype="str")})
    return fit([Column("t", "text")], frame, Text(**chosen))


def _model(encoding):
    from dlrun.deep.backend import keras

    raw = keras.Input((1,), dtype="string")
    return keras.Model(raw, encoding.read([raw]))


def _read(model, texts):
    from dlrun.deep.inputs.text import make_reader

    return make_reader([Column("t", "text")], model)(
        pd.DataFrame({"t": pd.Series(texts, dtype="str")})
    )


RULES = [
    {"level": level, "lowercase": lower} for level in ("word", "char") for lower in (True, False)
]


@pytest.fixture(scope="module", params=RULES, ids=str)
def model(request):
    return _model(_fit(ODD, sequence_length=12, **request.param))


@given(
    st.lists(st.text() | st.sampled_from(ODD) | st.text("aB .!'\t é好\0"), min_size=1, max_size=9)
)
@settings(max_examples=60, deadline=None)
def test_python_splits_and_looks_up_as_keras_does(model, texts):
    from dlrun.deep.backend import tf

    np.testing.assert_array_equal(_read(model, texts), model(tf.constant(texts)[:, None]).numpy())


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_vocabulary_is_what_keras_would_learn(rule):
    from dlrun.deep.backend import keras

    texts = [text.replace("\0", "") for text in ODD]
    encoding = _fit(texts, **rule)
    tokenizer = encoding.tokenizer
    layer = keras.layers.TextVectorization(standardize=tokenizer.standardize, split=tokenizer.split)
    layer.adapt(texts)
    assert sorted(encoding.vocabulary) == sorted(layer.get_vocabulary()[2:])


def test_frequent_tokens_come_first_and_max_tokens_counts_padding_and_unknown():
    encoding = _fit(["b b c", "A a! d."], max_tokens=4)
    assert encoding.vocabulary == ("a", "b")
    assert encoding.n_codes == 4
    assert _fit(["b b c", "A a! d."]).vocabulary == ("a", "b", "c", "d")
    assert _fit(["b b c", "A a! d."], lowercase=False).vocabulary == ("b", "A", "a", "c", "d")
    assert _fit(["b"], max_tokens=1).vocabulary == ()


def test_texts_are_cut_at_their_end_and_padded_with_zeros():
    model = _model(_fit(["glad glad 好", "sad"], sequence_length=2))
    codes = _read(model, ["好 glad sad", "new", ""])
    assert codes.tolist() == [[4, 2], [1, 0], [0, 0]]
    assert codes.dtype == np.int64


def test_characters_keep_punctuation_and_are_whole():
    assert _fit(["é好🙂!a!A"], level="char").vocabulary == ("!", "a", "é", "好", "🙂")
    assert _fit(["é好🙂!a!A"], level="char").length == 7


def test_the_length_covers_95_percent_of_the_training_rows():
    texts = [" ".join(["word"] * n) for n in range(1, 101)]
    assert _fit(texts).length == 96
    assert _fit(texts, sequence_length=7).length == 7
    assert _fit(["word " * 9000] * 3).length == 512
    assert _fit(["c" * 9000] * 3, level="char").length == 2048
    assert _fit(["", " "]).length == 1


def test_text_without_a_single_word_is_read():
    from dlrun.deep.backend import tf

    model = _model(_fit(["", "?!"]))
    assert model(tf.constant([[""], ["new"]])).numpy().tolist() == [[0], [1]]
    assert _read(model, ["", "new"]).tolist() == [[0], [1]]
    assert _read(model, []).shape == (0, 1)


def test_newlines_and_zero_bytes_survive_the_file(tmp_path):
    from dlrun.deep.backend import keras

    texts = ["a\nb\r\0c", "\n\n\0"]
    model = _model(_fit(texts, level="char"))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(_read(loaded, texts), _read(model, texts))
    assert _read(loaded, ["\n\0"])[0, :2].tolist() == [2, 1]


NAMES = ("title/é", "title.2F.C3.A9", "title_")


@pytest.fixture
def titles():
    """Three text columns with awkward names; the words of the second tell the class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 120)
    told = [" ".join([f"{LABELS[code]}!"] * (1 + row % 4)) for row, code in enumerate(y)]
    noise = [" ".join(rng.choice(["a", "好", "c"], 3)) for _ in y]
    frame = pd.DataFrame(dict(zip(NAMES, (noise, told, noise[::-1]), strict=True)), dtype="str")
    target = Target("kind", "classification", LABELS)
    columns = tuple(Column(name, "text") for name in NAMES)
    return Dataset("titles", "by hand", columns, target, frame, y, np.arange(120))


def test_several_texts_reach_the_saved_network_as_plain_strings(titles, trained, tmp_path):
    from dlrun.deep.backend import keras, tf
    from dlrun.deep.fitted import load

    training = {"epochs": 15, "learning_rate": 0.05}
    run = trained(titles, training=training, preprocessing={"text": {"level": "word"}})
    frame = run.test.frame
    expected = run.fitted.predict(frame)
    assert (expected.class_indices == run.test.y).mean() > 0.9
    run.fitted.save(tmp_path)
    np.testing.assert_allclose(load(tmp_path).predict(frame).values, expected.values, atol=1e-6)
    plain = keras.models.load_model(tmp_path / "network.keras")
    raw = {name.replace("/", "_"): tf.constant(frame[name].tolist()) for name in NAMES}
    assert set(raw) == set(plain.input)
    np.testing.assert_allclose(plain(raw).numpy(), expected.values, atol=1e-5)


def test_each_text_has_its_own_settings_of_the_section(titles):
    from dlrun.deep.inputs.groups import fit_encodings

    section = Preprocessing(text=Text(level="char", sequence_length=5))
    encodings = fit_encodings(titles.columns, titles.frame, section)
    assert list(encodings) == ["text", "text_2", "text_3"]
    assert {encoding.encoded.shape for encoding in encodings.values()} == {(5,)}
