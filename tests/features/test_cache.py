"""Features of real pictures, kept: what is kept apart, what is not trusted. Of drawn ones: while the next are drawn."""

import io
import threading
import zipfile

import numpy as np
import pytest

from pedigree.errors import PedigreeError
from pedigree.features import extractors
from pedigree.features.cache import cached_features, drawn_features, keyed_features
from pedigree.generator.model import Generator
from pedigree.networks import ARCHITECTURES
from pedigree.networks.layer_factory import LayerFactory
from pedigree.networks.shapes import Shape


class Counting:
    """An extractor that counts the pictures it is given."""

    name, image_size, dimension, fingerprint = "counting", 4, 3, "one"

    def __init__(self):
        self.computed = 0

    def features(self, images, batch_size=32):
        self.computed += len(images)
        return images.mean(axis=(1, 2)).astype(np.float32)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (1500, 4, 4, 3), dtype=np.uint8)


def test_the_same_pictures_are_computed_once_and_read_back_to_the_last_bit(tmp_path, images):
    extractor = Counting()
    first = cached_features(extractor, images, folder=tmp_path / "new")
    second = cached_features(extractor, images.copy(), batch_size=5, folder=tmp_path / "new")
    assert extractor.computed == len(images)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, Counting().features(images))
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_memory_mapped_pictures_are_the_same_pictures(tmp_path, images):
    np.save(tmp_path / "images.npy", images)
    extractor = Counting()
    cached_features(extractor, images, folder=tmp_path / "cache")
    cached_features(extractor, np.load(tmp_path / "images.npy", mmap_mode="r"), folder=tmp_path / "cache")
    assert extractor.computed == len(images)


def altered(images, how):
    images = images.copy()
    if how == "last pixel":
        images[-1, -1, -1, -1] ^= 1
    return {"order": images[::-1], "fewer": images[:-1], "shape": images.reshape(1500, 8, 2, 3)}.get(how, images)


@pytest.mark.parametrize("how", ["last pixel", "order", "fewer", "shape"])
def test_other_pictures_are_computed(tmp_path, images, how):
    extractor = Counting()
    cached_features(extractor, images, folder=tmp_path)
    other = altered(images, how)
    np.testing.assert_array_equal(cached_features(extractor, other, folder=tmp_path), Counting().features(other))
    assert extractor.computed == len(images) + len(other)


@pytest.mark.parametrize(("attribute", "value"), [("name", "other"), ("fingerprint", "two")])
def test_another_extractor_or_another_version_of_it_computes_anew(tmp_path, images, attribute, value):
    cached_features(Counting(), images, folder=tmp_path)
    other = Counting()
    setattr(other, attribute, value)
    cached_features(other, images, folder=tmp_path)
    assert other.computed == len(images)


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def with_a_header_that_python_cannot_split(content):
    """Return a zip with right checksums, whose array has a header with an open bracket: `tokenize.TokenError`."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"), }", b"(, }", 1))
    return changed.getvalue()


def oddly_compressed(content):
    return in_directory(content, 10, b"\x63\x00")


def locked(content):
    return in_directory(content, 8, b"\x01\x00")


def in_directory(content, offset, field):
    place = content.rindex(b"PK\x01\x02") + offset
    return content[:place] + field + content[place + len(field) :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        oddly_compressed,
        locked,
        with_a_header_that_python_cannot_split,
        lambda c: c[:-500],
        lambda c: b"",
        lambda c: b"not a zip" * 50,
    ],
)
def test_a_damaged_file_is_computed_anew_and_mended(tmp_path, images, damage):
    expected = cached_features(Counting(), images, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    extractor = Counting()
    for _ in range(2):
        np.testing.assert_array_equal(cached_features(extractor, images, folder=tmp_path), expected)
    assert extractor.computed == len(images)


@pytest.mark.parametrize("content", [{"features": np.zeros((2, 3), np.float32)}, {"other": np.zeros(3)}])
def test_a_file_that_holds_something_else_is_computed_anew(tmp_path, images, content):
    expected = cached_features(Counting(), images, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    np.savez(file, **content)
    np.testing.assert_array_equal(cached_features(Counting(), images, folder=tmp_path), expected)


@pytest.mark.parametrize("batch_size", [1, 32, 300, 5000])
def test_parts_are_whole_batches_and_nothing_is_left_out_or_taken_twice(tmp_path, images, batch_size):
    parts = []

    class Watching(Counting):
        def features(self, images, batch_size=32):
            parts.append(len(images))
            return super().features(images, batch_size)

    received = cached_features(Watching(), images, batch_size, tmp_path)
    np.testing.assert_array_equal(received, Counting().features(images))
    assert sum(parts) == len(images)
    assert all(part % batch_size == 0 for part in parts[:-1])


# Pictures that are known by a key.


def keyed(extractor, images, keys, folder, batch_size=32):
    made = []

    def pictures(indices):
        made.extend(indices)
        for start in range(0, len(indices), 7):
            yield images[indices[start : start + 7]]

    return keyed_features(extractor, keys, pictures, batch_size, folder), made


def test_only_pictures_with_a_new_key_are_made_and_all_come_in_order(tmp_path, images):
    images, keys = images[:60], [f"picture {index}" for index in range(60)]
    expected = Counting().features(images)
    for chosen, new in (
        (range(0, 40), range(0, 40)),
        (range(0, 40), []),
        ([50, 3, 41, 2, 59], [50, 41, 59]),
        ([2, 50], []),
    ):
        chosen = list(chosen)
        extractor = Counting()
        features, made = keyed(extractor, images[chosen], [keys[index] for index in chosen], tmp_path)
        assert [chosen[index] for index in made] == list(new)
        assert extractor.computed == len(new)
        np.testing.assert_array_equal(features, expected[chosen])
    assert len(list(tmp_path.iterdir())) == 1


def test_pictures_that_are_gone_are_dropped_when_others_are_added(tmp_path, images):
    keyed(Counting(), images[:3], ["a", "b", "c"], tmp_path)
    keyed(Counting(), images[1:4], ["b", "c", "d"], tmp_path)
    assert keyed(Counting(), images[:4], ["a", "b", "c", "d"], tmp_path)[1] == [0]


def test_pictures_with_the_same_key_are_made_once(tmp_path, images):
    features, made = keyed(Counting(), images[[0, 1, 0, 2, 1]], ["a", "b", "a", "c", "b"], tmp_path)
    assert made == [0, 1, 3]
    np.testing.assert_array_equal(features, Counting().features(images[[0, 1, 0, 2, 1]]))


def test_no_pictures_are_no_features_and_no_file(tmp_path, images):
    assert keyed(Counting(), images[:0], [], tmp_path)[0].shape == (0, 3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("attribute", "value"), [("name", "other"), ("fingerprint", "two")])
def test_another_version_of_an_extractor_makes_all_pictures_again(tmp_path, images, attribute, value):
    keyed(Counting(), images[:2], ["a", "b"], tmp_path)
    other = Counting()
    setattr(other, attribute, value)
    assert keyed(other, images[:2], ["a", "b"], tmp_path)[1] == [0, 1]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: b"",
        lambda content: saved(names=np.array(["a", "b"], "S64"), features=np.zeros((2, 4), np.float32)),
        lambda content: saved(names=np.array(["a"], "S64"), features=np.zeros((2, 3), np.float32)),
        lambda content: saved(names=np.array(3), features=np.zeros((2, 3), np.float32)),
        lambda content: saved(features=np.zeros((2, 3), np.float32)),
    ],
)
def test_a_damaged_file_of_keyed_features_is_computed_anew_and_mended(tmp_path, images, damage):
    keys = [f"picture {index}" for index in range(40)]
    expected, _ = keyed(Counting(), images[:40], keys, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    for new in (list(range(40)), []):
        features, made = keyed(Counting(), images[:40], keys, tmp_path)
        assert made == new
        np.testing.assert_array_equal(features, expected)


def saved(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_a_picture_that_cannot_be_made_leaves_the_old_file(tmp_path, images):
    keyed(Counting(), images[:1], ["a"], tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.read_bytes()

    def broken(indices):
        raise PedigreeError("a photo is gone")
        yield

    with pytest.raises(PedigreeError, match=r"^a photo is gone$"):
        keyed_features(Counting(), ["a", "b"], broken, folder=tmp_path)
    assert file.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


# Drawing while extracting.


class Drawn:
    """Draws flat pictures, each of the grey that its label says; notes what is going on."""

    image_size = 4

    def __init__(self, extractor=None, fails_at=None):
        self.fails_at, self.made, self.threads, self.extractor = fails_at, 0, set(), extractor
        self.waiting = []

    def batches(self, labels, seed, batch_size=8):
        for start in range(0, len(labels), batch_size):
            self.threads.add(threading.get_ident())
            if start == self.fails_at:
                raise PedigreeError("the paint has run out")
            batch = labels[start : start + batch_size]
            self.made += len(batch)
            if self.extractor:
                self.waiting.append(self.made - self.extractor.computed)
            yield np.broadcast_to((batch + seed).astype(np.uint8)[:, None, None, None], (len(batch), 4, 4, 3))


@pytest.mark.parametrize("count", [0, 1, 7, 8, 50])
def test_every_picture_comes_in_its_place_with_its_features(count):
    labels = np.arange(count, dtype=np.int32)
    images, features = drawn_features(Drawn(), Counting(), labels, seed=3, batch_size=5)
    np.testing.assert_array_equal(images, np.broadcast_to((labels + 3)[:, None, None, None], (count, 4, 4, 3)))
    np.testing.assert_array_equal(features, np.repeat(labels[:, None] + 3.0, 3, axis=1))
    assert (images.dtype, features.dtype) == (np.uint8, np.float32)


def test_the_next_pictures_are_drawn_while_the_extractor_works_on_the_last():
    drawing, extracting = threading.Event(), threading.Event()

    class Handshaking(Drawn):
        """Its second batch waits for the extractor to be at the first."""

        def batches(self, labels, seed):
            for number, batch in enumerate(super().batches(labels, seed)):
                if number == 1:
                    assert extracting.wait(20)
                    drawing.set()
                yield batch

    class Patient(Counting):
        """Its first batch waits for the drawer to be at the second."""

        def features(self, images, batch_size=32):
            if not self.computed:
                extracting.set()
                assert drawing.wait(20)
            return super().features(images, batch_size)

    images, _ = drawn_features(Handshaking(), Patient(), np.zeros(32, np.int32), seed=0)
    assert len(images) == 32


def test_pictures_are_never_drawn_far_ahead():
    extractor = Counting()
    drawer = Drawn(extractor)
    drawn_features(drawer, extractor, np.zeros(400, np.int32), seed=0)
    assert max(drawer.waiting) <= 3 * 8  # one being extracted, one ready, one being drawn
    assert len(drawer.threads) == 1
    assert threading.get_ident() not in drawer.threads


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_tells_how_far_it_is_unless_it_shall_not(shown, capfd):
    drawn_features(Drawn(), Counting(), np.zeros(16, np.int32), seed=0, shown=shown)
    assert ("16/16" in capfd.readouterr().err) == shown


def test_the_bar_says_which_pictures_they_are(tmp_path, capfd):
    extractor, images = Counting(), np.zeros((16, 8, 8, 3), np.uint8)
    cached_features(extractor, images, folder=tmp_path, what="held-out crops")
    drawn_features(Drawn(), extractor, np.zeros(16, np.int32), seed=0)
    bars = capfd.readouterr().err
    assert f"{extractor.name}, held-out crops: 100%" in bars
    assert f"{extractor.name}, generated pictures: 100%" in bars


@pytest.mark.parametrize("fails_at", [0, 8, 40])
def test_what_the_drawer_raises_is_raised(fails_at):
    with pytest.raises(PedigreeError, match=r"^the paint has run out$"):
        drawn_features(Drawn(fails_at=fails_at), Counting(), np.zeros(48, np.int32), seed=0)


def test_what_the_extractor_raises_is_raised_and_the_thread_ends():
    class Failing(Counting):
        def features(self, images, batch_size=32):
            raise ValueError("no features today")

    before = threading.active_count()
    with pytest.raises(ValueError, match=r"^no features today$"):
        drawn_features(Drawn(), Failing(), np.zeros(48, np.int32), seed=0)
    assert threading.active_count() == before


def test_the_generators_pictures_and_their_features_are_those_of_drawing_all_first():
    network = ARCHITECTURES["projection-dcgan"].build_generator(Shape(16, 3, 8, 2, 4), LayerFactory(keras_only=True))
    drawer = Generator(network, ("n90000001-Red", "n90000002-Blue"))
    labels = np.arange(130, dtype=np.int32) % 2
    extractor = extractors.load("efficientnet-lite0")
    images, features = drawn_features(drawer, extractor, labels, seed=5, batch_size=32)
    np.testing.assert_array_equal(images, drawer.draw(labels, seed=5))
    np.testing.assert_allclose(features, extractor.features(images, 32), rtol=1e-4, atol=1e-4)
