"""The images that boxes and masks of other programs are read for."""

from cm3d.tables import Cameras


def front_and_back(width_px: int, height_px: int) -> Cameras:
    """Two images of two keyframes, by two cameras of one size."""
    pinhole = [width_px, 0, width_px / 2, 0, width_px, height_px / 2, 0, 0, 1]
    return Cameras.from_columns(
        camera_token=["front", "back"],
        sample_token=["frame 1", "frame 2"],
        channel=["CAM_FRONT", "CAM_BACK"],
        path=["samples/CAM_FRONT/1.jpg", "samples/CAM_BACK/2.jpg"],
        width_px=[width_px] * 2,
        height_px=[height_px] * 2,
        intrinsics_px=[pinhole] * 2,
        global_SE3_camera=[[1.0, 0, 0, 0, 0, 0, 1.5]] * 2,
    )
