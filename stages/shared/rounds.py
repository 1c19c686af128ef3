"""What the stages of self-training share: which round runs, and whose model came before it."""

from cm3d.execution.arguments import Arguments


def round_asked_for(stage: str, description: str | None) -> int:
    """The round, from 1, that the command line names."""
    parser = Arguments(f"stages.{stage}", description)
    parser.add_argument("--round", type=int, choices=(1, 2, 3), required=True)
    number: int = parser.parse_args().round
    return number


def model_before(number: int) -> str:
    """Name in data/models of the model that a round's labels and first weights come from."""
    return "finetune" if number == 1 else f"selftrain_r{number - 1}"
