import numpy as np

from cm3d.tables.words import codes, positions, rows_by_word

WORDS = np.array(["b", "x", "a", "b", ""], dtype=object)


def test_positions_are_those_in_the_vocabulary_or_minus_one() -> None:
    assert positions(WORDS, ["a", "b", ""]).tolist() == [1, -1, 0, 1, 2]
    assert positions(WORDS, {"x": 1.0}).tolist() == [-1, 0, -1, -1, -1]
    assert positions(WORDS, []).tolist() == [-1] * 5
    assert positions(WORDS[:0], ["a"]).dtype == np.int64


def test_codes_are_equal_where_words_are() -> None:
    assert codes(WORDS).tolist() == [0, 1, 2, 0, 3]
    assert len(codes(WORDS[:0])) == 0


def test_rows_of_each_word_in_the_order_of_the_words() -> None:
    found = rows_by_word(WORDS, ["a", "c", "b"])
    assert [rows.tolist() for rows in found] == [[2], [], [0, 3]]
    assert rows_by_word(WORDS, []) == []
    assert [len(rows) for rows in rows_by_word(WORDS[:0], ["a"])] == [0]
