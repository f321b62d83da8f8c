"""Files appear whole or not at all, whatever happens while they are written."""

import pytest

from keras_senet.files import replacing


def write(path, text="new", **options):
    with replacing(path, **options) as partial:
        partial.write_text(text)


def test_a_file_is_replaced_when_the_block_ends(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.name == path.name
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_lost_or_left_by_an_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    with pytest.raises(FileNotFoundError), replacing(path):
        pass  # nothing was written
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_and_files_replace_each_other(tmp_path):
    path = tmp_path / "model"
    write(path, "old")
    for _ in range(2):
        with replacing(path, mark="inner") as partial:
            partial.mkdir()
            (partial / "inner").write_text("x")
    assert [file.name for file in path.iterdir()] == ["inner"]
    write(path, mark="inner")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_comes_back_when_nothing_takes_its_place(tmp_path):
    """The old one has stepped aside by then."""
    path = tmp_path / "served"
    path.mkdir()
    (path / "saved_model.pb").write_text("old")
    with pytest.raises(FileNotFoundError), replacing(path, mark="saved_model.pb"):
        pass  # nothing was written
    assert (path / "saved_model.pb").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mark", [None, "saved_model.pb"])
def test_a_folder_of_other_things_is_never_replaced(mark, tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    write(path, mark=mark)  # an empty one is nothing
    assert path.read_text() == "new"
    path.unlink()
    path.mkdir()
    (path / "cat.jpg").write_text("a cat")
    with pytest.raises(FileExistsError, match="other things in it"):
        write(path, mark=mark)
    assert (path / "cat.jpg").read_text() == "a cat"
    assert list(tmp_path.iterdir()) == [path]


def test_what_exists_is_refused_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "a.json"
    write(path, "old", overwrite=False)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write(path, overwrite=False)
    assert path.read_text() == "old"


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="Create it first"):
        write(tmp_path / "none" / "a.json")


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_a_path_without_a_name_is_refused(path):
    with pytest.raises(ValueError, match="name of a file or folder"):
        write(path, mark="x")
