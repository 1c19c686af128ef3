from cm3d.tables.noted import merge_left_out


def test_names_add_up_by_reason() -> None:
    parts = [{"unreadable": ("a",)}, {}, {"unreadable": ("b",), "odd": ("c",)}]
    assert merge_left_out(parts) == {"unreadable": ("a", "b"), "odd": ("c",)}
