"""Order, shards, resume, class balance, bad images."""

import collections

import numpy as np
import pytest
from PIL import Image

from keras_senet import data
from keras_senet.data import order

tf = pytest.importorskip("tensorflow")

MIXED = data.SHIFT.replace(mixup=0.2, cutmix=1.0)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits", image_size=16)


def batches(dataset, count, *arguments, **options):
    return list(dataset.train(*arguments, **options).take(count).as_numpy_iterator())


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.at_first("class_balanced-augmentation1")
@pytest.mark.parametrize("augmentation", [data.SHIFT, data.RELEASED, MIXED])
@pytest.mark.parametrize("sampling", ["uniform", "class_balanced"])
def test_a_stream_can_begin_at_any_step(digits, augmentation, sampling):
    options = {"sampling": sampling, "augmentation": augmentation}
    whole = batches(digits, 5, 32, 7, **options)
    assert_equal(whole[3:], batches(digits, 2, 32, 7, step=3, **options))


def test_batches_of_any_size_are_cut_from_one_stream(digits):
    small = batches(digits, 12, 8, 7)
    for size in (48, 96):  # read in chunks of 16 and of 32
        images, labels = zip(*small[: size // 8], strict=True)
        whole = batches(digits, 1, size, 7)
        assert_equal(whole, [(np.concatenate(images), np.concatenate(labels))])


@pytest.mark.at_first("augmentation0")
@pytest.mark.parametrize("augmentation", [data.SHIFT, MIXED])
def test_shards_are_slices_of_the_batch(digits, augmentation):
    whole = batches(digits, 3, 32, 7, step=44, augmentation=augmentation)  # over an epoch's end
    parts = [
        batches(digits, 3, 32, 7, step=44, shard=(index, 4), augmentation=augmentation)
        for index in range(4)
    ]
    joined = [
        (np.concatenate([images for images, _ in step]), np.concatenate([y for _, y in step]))
        for step in zip(*parts, strict=True)
    ]
    assert_equal(whole, joined)


@pytest.mark.slow
def test_shards_of_the_held_out_images(digits):
    whole = [labels for _, labels in digits.validation(32).as_numpy_iterator()]
    parts = [
        [labels for _, labels in digits.validation(32, (index, 2)).as_numpy_iterator()]
        for index in range(2)
    ]
    assert [len(labels) for labels in whole] == [32] * 11 + [12]
    np.testing.assert_array_equal(whole[0], np.concatenate([parts[0][0], parts[1][0]]))
    together = np.concatenate([np.concatenate(part) for part in parts])
    assert collections.Counter(together) == collections.Counter(digits.held_out.labels)


def test_class_balanced_order():
    """Every class once in each turn; of a class every image before any again; reshuffled."""
    labels = np.repeat([2, 0, 1], [7, 3, 50])
    place = order.class_balanced(labels, 5)
    positions = tf.data.Dataset.range(450).map(place)
    indices = np.array(list(positions.as_numpy_iterator()))
    classes = labels[indices].reshape(-1, 3)
    np.testing.assert_array_equal(np.sort(classes, axis=1), np.tile([0, 1, 2], (150, 1)))
    assert len({tuple(row) for row in classes}) == 6  # all orders of three classes
    for label, size in ((0, 3), (1, 50), (2, 7)):
        drawn = indices[labels[indices] == label]
        passes = drawn[: len(drawn) // size * size].reshape(-1, size)
        np.testing.assert_array_equal(
            np.sort(passes, axis=1), np.tile(np.flatnonzero(labels == label), (len(passes), 1))
        )
        assert len({tuple(row) for row in passes}) > 1


def test_permutations_differ_by_number_and_seed():
    def passes(seed):
        place = order.uniform(50, seed)
        return np.array(list(tf.data.Dataset.range(1000).map(place).as_numpy_iterator())).reshape(
            20, 50
        )

    assert len({tuple(row) for row in np.concatenate([passes(0), passes(1)])}) == 40
    np.testing.assert_array_equal(np.sort(passes(0), axis=1), np.tile(np.arange(50), (20, 1)))


def test_bad_arguments(digits):
    with pytest.raises(ValueError, match=r"'uniform' or 'class_balanced'\. Received: 'fair'"):
        digits.train(8, sampling="fair")
    for shard in ((2, 2), (0, 3), (-1, 2)):
        with pytest.raises(ValueError, match="Expected shard"):
            digits.train(8, shard=shard)
        with pytest.raises(ValueError, match="Expected shard"):
            digits.validation(8, shard)
    with pytest.raises(ValueError, match=r"even batch\. Received: 1"):
        digits.train(2, shard=(0, 2), augmentation=MIXED)


def photo(path, colour, **options):
    image = Image.new("RGB", (48, 40), colour)
    image.save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Two classes of 20 red or green JPEG files, and every special kind."""
    for name, colour in (("apple", (200, 0, 0)), ("leaf", (0, 200, 0))):
        (tmp_path / name).mkdir()
        for number in range(20):
            photo(tmp_path / name / f"{number:02}.JPG", colour)
        photo(tmp_path / name / "png.JPEG", colour, format="PNG")
        Image.new("RGB", (48, 40), colour).convert("CMYK").save(tmp_path / name / "cmyk.jpg")
        photo(tmp_path / name / "still.gif", colour)
        photo(tmp_path / name / "web.webp", colour)
    return tmp_path


def spoil(path):
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.slow
def test_bad_images_are_named_and_replaced(folder):
    bad = [folder / "apple" / "03.JPG", folder / "leaf" / "07.JPG", folder / "leaf" / "web.webp"]
    for path in bad:
        spoil(path)
    (folder / "apple" / "11.JPG").write_bytes(b"")
    within = folder / "leaf" / "12.JPG"  # begins and ends well
    within.write_bytes(within.read_bytes().replace(b"\xff\xc4\x00\x1f", b"\xff\xc4\x00\x01"))
    bad += [folder / "apple" / "11.JPG", within]
    dataset = data.load(f"folder:{folder}", image_size=16, max_bad_images=5)
    sound = batches(dataset, 8, 10, 3)
    for images, labels in sound:  # labels go with the replacement
        np.testing.assert_array_equal(images[:, 8, 8, :2].argmax(-1), labels)
    assert {str(path) for path in bad} & set(dataset.training.items) == set(dataset.bad_images)
    assert "truncated" in dataset.bad_images[str(bad[0])]
    assert set(data.check(dataset)) == {str(path) for path in bad}
    assert_equal(sound[5:], batches(dataset, 3, 10, 3, step=5))
    images, labels = batches(dataset, 1, 80, 3)[0]  # chunks of 16
    assert_equal(sound, [(images[i : i + 10], labels[i : i + 10]) for i in range(0, 80, 10)])


@pytest.mark.slow
def test_too_many_bad_images(folder):
    for path in (folder / "apple").glob("1*.JPG"):
        spoil(path)
    dataset = data.load(f"folder:{folder}", image_size=16, max_bad_images=2)
    with pytest.raises(tf.errors.OpError, match=r"more than max_bad_images=2\. Repair"):
        batches(dataset, 12, 4)


def of_files(folder, bad_training, bad_held_out, **fields):
    """9 images to learn from and 12 held out, of which the first so many cannot be read."""
    splits = []
    for count, bad in ((9, bad_training), (12, bad_held_out)):
        paths = [folder / f"{count}-{number}.png" for number in range(count)]
        for path in paths:
            photo(path, (90, 0, 0))
        for path in paths[:bad]:
            spoil(path)
        splits.append(data.Split(paths, np.arange(count) % 2))
    return data.Dataset("files", ("a", "b"), 16, *splits, **fields)


@pytest.mark.slow
def test_each_split_tolerates_a_tenth_of_its_own_images(tmp_path):
    dataset = of_files(tmp_path, 1, 1)
    assert len(batches(dataset, 2, 9)) == 2
    assert len(dataset.held_out_arrays()[0]) == 11 and len(dataset.bad_images) == 2
    with pytest.raises(ValueError, match=r"^2 of 12 held-out images cannot be read, more th"):
        of_files(tmp_path, 1, 2).held_out_arrays()


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (0, r"^1 image cannot be read, more than max_bad_images=0\. "),
        (None, r"^2 of 9 training images cannot be read, more than a tenth\. "),
        (1000, r"^None of the 9 training images can be read\. "),
    ],
)
def test_unreadable_images_are_refused_in_one_sentence(tmp_path, limit, sentence):
    dataset = of_files(tmp_path, 9, 12, max_bad_images=limit)
    held_out = sentence.replace("9 training", "12 held-out")
    for call, expected in (
        (lambda data: data.train(6), sentence),
        (lambda data: data.calibration_images(4), sentence),
        (lambda data: data.validation(6), held_out),
        (lambda data: data.held_out_arrays(), held_out),
    ):
        with pytest.raises(ValueError, match=expected + ".*The last one was .*png: Exp") as error:
            call(dataset.replace())
        assert len(str(error.value)) < 600


def test_what_is_no_file(tmp_path):
    for path in ("no.png", "https://example.org/a.jpg", "gs://bucket/a.jpg"):
        missing = data.Split([path] * 6, [0, 1] * 3)
        with pytest.raises(ValueError, match=r"2 of 6 training images cannot be read.*No such"):
            data.Dataset("missing", ("a", "b"), 16, missing, missing).train(6)


@pytest.mark.slow
def test_a_refusal_within_tensorflow_is_unwrapped(tmp_path):
    dataset = of_files(tmp_path, 0, 0)
    for path in dataset.training.items[3:]:
        open(path, "w").close()
    for read in (
        lambda: dataset.calibration_images(9),
        lambda: batches(dataset, 9, 9),
    ):
        with (
            pytest.raises(ValueError, match=r"^\d of 9 training images") as error,
            dataset.bad_images.unwrapped(),
        ):
            read()
        assert error.value.__suppress_context__ and len(str(error.value)) < 600
    with pytest.raises(KeyError, match="other"), dataset.bad_images.unwrapped():
        raise KeyError("other")


@pytest.mark.slow
def test_turned_photos_are_upright(tmp_path):
    """An EXIF orientation is seen whichever the byte order, and whichever way is taken."""
    pixels = np.zeros((40, 40, 3), "uint8")
    pixels[:20] = 250  # bright above
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels).save(tmp_path / name / "0.jpg")
        for number, order_mark in enumerate((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08")):
            exif = Image.Exif()
            exif.endian = "<" if order_mark[:1] == b"I" else ">"
            exif[0x0112] = 3  # upside down
            exif[0x010F] = "a camera"
            turned = Image.fromarray(pixels[::-1])
            turned.save(tmp_path / name / f"{number + 1}.jpg", exif=exif.tobytes())
    dataset = data.load(f"folder:{tmp_path}", image_size=16)
    images = dataset.calibration_images(4)
    assert (images[:, 2] > 200).all() and (images[:, -3] < 50).all()


def test_repeated_augmentation_draws_an_image_thrice():
    """timm's RepeatAugSampler: a pass of 3 N positions has each image three times, near by."""
    place = order.repeated(order.uniform(14, 5), 3)
    drawn = np.array([int(place(tf.constant(at, tf.int64))) for at in range(2 * 3 * 14)])
    plain = [int(order.uniform(14, 5)(tf.constant(at, tf.int64))) for at in range(2 * 14)]
    for number in range(0, len(drawn), 21):
        group = plain[number // 3 : number // 3 + 7]
        np.testing.assert_array_equal(np.sort(drawn[number : number + 21]), np.sort(3 * group))
    for one_pass in drawn.reshape(2, -1):
        np.testing.assert_array_equal(np.bincount(one_pass), np.full(14, 3))
    assert (drawn[0::2] != drawn[1::2]).all()  # neighbours are mixed with each other


def test_repetitions_are_augmented_anew(digits):
    thrice = next(iter(digits.train(63, 3, repeats=3)))[0].numpy()
    assert len(np.unique(thrice, axis=0)) > 55  # there are 81 shifts of an image
    whole = data.NONE
    plain, thrice = (
        next(iter(digits.train(63, 3, repeats=n, augmentation=whole)))[0].numpy() for n in (1, 3)
    )
    for group in range(3):
        for turn in range(3):
            begin = 21 * group + 7 * turn
            np.testing.assert_array_equal(
                thrice[begin : begin + 7], plain[7 * group : 7 * group + 7]
            )
    with pytest.raises(ValueError, match="`repeats` must be a whole number from 1"):
        digits.train(63, repeats=0)


def test_throughput(digits):
    assert data.throughput(digits, 64, seconds=0.2) > 100


def test_long_tailed(digits):
    tailed = digits.long_tailed(100)
    sizes = np.bincount(tailed.training.labels)
    least = np.bincount(digits.training.labels).min()
    np.testing.assert_array_equal(sizes, np.rint(least * 100 ** (-np.arange(10) / 9)).clip(1))
    assert len(tailed.held_out) == len(digits.held_out)


def test_shapes_are_the_same_everywhere():
    from keras_senet.data import shapes

    image = shapes.draw(7, 17, 32)
    np.testing.assert_array_equal(image, shapes.draw(7, 17, 32))
    assert image.shape == (32, 32, 3) and image.std() > 10
    with pytest.raises(ValueError, match="at least 16 pixels"):
        shapes.load_shapes(8)


@pytest.mark.parametrize("ratio", [0.01, 0, -5, float("nan"), "100"])
def test_long_tails_do_not_grow(digits, ratio):
    with pytest.raises(ValueError, match="number from 1, such as 100"):
        digits.long_tailed(ratio)


def test_a_long_tail_stays_where_it_is(digits):
    """Images held out anew would come from both sides of it."""
    tailed = digits.long_tailed(100)
    for again in (lambda: data.hold_out(tailed, 0.1), lambda: data.fold(tailed, 1, 5)):
        with pytest.raises(ValueError, match=r"Expected the division first"):
            again()
    with pytest.raises(ValueError, match="long-tailed already"):
        tailed.long_tailed(10)
    assert data.hold_out(digits, 0.1).long_tailed(100).division == "hold_out 0.1"
    with pytest.warns(UserWarning, match="the ratio is 1:139, not 1:1000"):
        assert np.bincount(digits.long_tailed(1000).training.labels)[-1] == 1
