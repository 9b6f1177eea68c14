from distill.system.notes import note


def test_a_line_is_said_once(capsys, monkeypatch):
    for _ in range(2):
        note("two persons\nare left out")
    assert capsys.readouterr() == ("", "note: two persons are left out\n")
    monkeypatch.setenv("RANK", "1")
    note("a second process says nothing")
    assert capsys.readouterr() == ("", "")
