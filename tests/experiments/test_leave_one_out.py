from cm3d.params import load_params
from experiments.leave_one_out import switches, without


def test_every_switch_that_is_on_is_left_out_once() -> None:
    params = load_params()
    named = list(switches(params))
    assert len(named) == len(set(named))
    assert ("refine", "fit") in named and ("tracks", "fronts") in named
    assert all(getattr(getattr(params.lift, section), name) is True for section, name in named)


def test_without_turns_one_switch_off_and_nothing_else() -> None:
    params = load_params()
    for section, name in switches(params):
        changed = without(params, section, name)
        assert set(switches(params)) - set(switches(changed)) == {(section, name)}
        restored = changed.lift.model_copy(update={section: getattr(params.lift, section)})
        assert restored == params.lift
        assert getattr(params.lift, section) is not getattr(changed.lift, section)
