import re

from hypothesis import given
from hypothesis import strategies as st

from distill.reporting.charts import HEIGHT, WIDTH, chart

NUMBERS = st.floats(-1e6, 1e6)


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.tuples(NUMBERS, NUMBERS)), max_size=3), st.lists(NUMBERS))
def test_whatever_is_drawn_lies_in_the_frame(series, marks):
    drawn = chart("any", series, marks=marks)
    if not any(series.values()):
        assert drawn is None
        return
    assert [line.name for line in drawn.lines] == [name for name, points in series.items() if points]
    for line in drawn.lines:
        pairs = re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", line.path)
        assert len(pairs) == len(series[line.name])
        assert all(52 <= float(x) <= WIDTH - 10 and 10 <= float(y) <= HEIGHT - 26 for x, y in pairs)
    assert all(52 <= x <= WIDTH - 10 for x in (*drawn.marks, *(x for x, _ in drawn.x_ticks)))


def test_higher_is_further_up_and_what_is_no_number_is_left_out():
    drawn = chart("any", {"a": [(0, 0.0), (1, float("nan")), (2, 1.0)]}, marks=[1, 5])
    assert drawn.lines[0].path == f"M52.0,{HEIGHT - 26}.0L{WIDTH - 10}.0,10.0" and drawn.lines[0].last == "1"
    assert len(drawn.marks) == 1 and [text for _, text in drawn.x_ticks] == ["0", "0.5", "1", "1.5", "2"]


def test_a_point_by_itself_is_a_dot_with_one_tick():
    drawn = chart("any", {"ap": [(1900, 0.25)]})
    middle = (52 + WIDTH - 10) / 2, (10 + HEIGHT - 26) / 2
    assert drawn.lines[0].path == "M{:.1f},{:.1f}h0".format(*middle)
    assert drawn.x_ticks == ((middle[0], "1,900"),) and drawn.y_ticks == ((middle[1], "0.25"),)
