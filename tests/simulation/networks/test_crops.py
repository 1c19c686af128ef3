"""Cutting boxes out and pasting masks back."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.simulation.networks.segmenter import (
    CROP_PX,
    MARGIN,
    box_plane,
    cut_crops,
    frames_of,
    paste_masks,
)


def test_frame_is_the_box_with_its_margin():
    frame = frames_of(torch.tensor([[10.0, 20.0, 20.0, 40.0]]))[0]
    torch.testing.assert_close(
        frame,
        torch.tensor([10 - 10 * MARGIN, 20 - 20 * MARGIN, 20 + 10 * MARGIN, 40 + 20 * MARGIN]),
    )


def test_box_plane_holds_the_box_in_the_middle():
    plane = box_plane(torch.device("cpu"))
    assert plane.shape == (CROP_PX, CROP_PX)
    assert plane.mean() == pytest.approx((1 / (1 + 2 * MARGIN)) ** 2, abs=0.03)
    torch.testing.assert_close(plane, plane.flip(0))
    torch.testing.assert_close(plane, plane.T)
    assert plane[0, 0] == 0 and plane[CROP_PX // 2, CROP_PX // 2] == 1


def test_a_frame_of_the_crops_size_is_the_image_itself():
    image = torch.rand(3, 100, 120)
    crop = cut_crops(image, torch.tensor([[10.0, 20.0, 10.0 + CROP_PX, 20.0 + CROP_PX]]))
    torch.testing.assert_close(crop[0], image[:, 20 : 20 + CROP_PX, 10 : 10 + CROP_PX])


def test_large_frames_are_averaged_not_sampled():
    # A chequerboard of single pixels is grey from afar; single samples would be black or white.
    board = (torch.arange(400)[:, None] + torch.arange(400)[None]) % 2
    image = board.float().expand(3, 400, 400)
    crop = cut_crops(image, torch.tensor([[40.0, 40.0, 360.0, 360.0]]))
    torch.testing.assert_close(crop, torch.full_like(crop, 0.5))


def test_beyond_the_image_is_black():
    crop = cut_crops(torch.ones(3, 50, 50), torch.tensor([[-32.0, 0.0, 32.0, 50.0]]))[0]
    assert crop[:, :, : CROP_PX // 2 - 1].max() == 0
    assert crop[:, 2:-2, CROP_PX // 2 + 1 :].min() == pytest.approx(1, abs=1e-4)


def test_no_frames_no_crops():
    assert cut_crops(torch.rand(3, 8, 8), torch.empty(0, 4)).shape == (0, 3, CROP_PX, CROP_PX)
    assert paste_masks(torch.empty(0, CROP_PX, CROP_PX), torch.empty(0, 4), 9, 7).shape == (0, 7, 9)


def test_masks_stay_in_their_frames():
    everything = torch.ones(2, CROP_PX, CROP_PX)
    masks = paste_masks(
        everything, torch.tensor([[2.0, 3.0, 6.0, 5.0], [-4.0, 6.0, 3.0, 99.0]]), 10, 8
    )
    assert masks[0].nonzero().tolist() == [[y, x] for y in (3, 4) for x in (2, 3, 4, 5)]
    assert masks[1].nonzero().tolist() == [[y, x] for y in (6, 7) for x in (0, 1, 2)]


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.floats(-20, 60), st.floats(-20, 60)),
    st.tuples(st.floats(5, 150), st.floats(5, 150)),
)
def test_what_is_cut_out_and_pasted_back_is_where_it_was(low, size_px):
    # The picture of a half plane is a half plane again, up to the pixel that its edge cuts.
    frame = torch.tensor([[*low, low[0] + size_px[0], low[1] + size_px[1]]])
    edge_px = 40
    image = (torch.arange(80)[None] < edge_px).float().expand(3, 80, 80)
    mask = paste_masks(cut_crops(image, frame)[:, 0], frame, 80, 80)[0]
    x, y = torch.arange(80) + 0.5, torch.arange(80)[:, None] + 0.5
    inside = (x >= frame[0, 0]) & (x < frame[0, 2]) & (y >= frame[0, 1]) & (y < frame[0, 3])
    blur_px = max(1.0, size_px[0] / CROP_PX) + 1
    near_edges = ((x - edge_px).abs() < blur_px) | (x < blur_px)
    near_edges = near_edges | (y < blur_px) | (y > 80 - blur_px) | (x > 80 - blur_px)
    certain = ~near_edges
    assert torch.equal(mask[certain], (inside & (x < edge_px))[certain])
