import numpy as np

from cm3d.sam3d.segmenter import connected_components


def test_patches_that_touch_at_a_corner_are_one() -> None:
    image = np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 7]], dtype=np.uint8)
    image[2, 2] = 0
    segments = connected_components(image)
    assert segments.labels[0, 0] == segments.labels[1, 1] != 0
    assert segments.labels[2, 3] not in (0, segments.labels[0, 0])
    assert segments.quality.tolist() == [1, 1]
    assert np.array_equal(segments.labels == 0, image == 0)


def test_black_image_has_no_segments() -> None:
    segments = connected_components(np.zeros((5, 5), dtype=np.uint8))
    assert not segments.labels.any()
    assert len(segments.quality) == 0
