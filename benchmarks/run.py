"""`make bench`: every benchmark, one after the other."""

from benchmarks import bench_detector, bench_evaluation, bench_lift


def main() -> None:
    """Measure and print all tables."""
    bench_lift.main()
    bench_evaluation.main()
    bench_detector.main()


if __name__ == "__main__":
    main()
