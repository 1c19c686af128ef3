from cm3d.tables.noted import count_left_out, merge_left_out


def test_names_add_up_by_reason() -> None:
    parts = [{"unreadable": ("a",)}, {}, {"unreadable": ("b",), "odd": ("c",)}]
    assert merge_left_out(parts) == {"unreadable": ("a", "b"), "odd": ("c",)}


def test_counts_are_named_like_metrics() -> None:
    assert count_left_out({"unreadable images": ("a", "b")}) == {"unreadable_images": 2}
