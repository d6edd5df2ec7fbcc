"""What every test of the guard gives back."""
import pytest

from drivers.sim.lines import Lines


@pytest.fixture(autouse=True)
def no_page_is_left(monkeypatch):
    """A page of lines is two descriptors, and pyserial's select() takes none above 1023 (a thousand tests in one process)."""
    made, create = [], Lines.create.__func__

    def remembered(cls, *words):
        made.append(create(cls, *words))
        return made[-1]
    monkeypatch.setattr(Lines, "create", classmethod(remembered))
    yield
    for lines in made:
        if not lines._page.closed:
            lines.close()
