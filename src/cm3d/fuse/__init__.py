"""3D labels put together: lifted or imported boxes, fused with proposals (paper, appendix A)."""
