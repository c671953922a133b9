"""Sets of data; CIFAR-10 is served by this machine, from an archive that the test makes."""

import hashlib
import http.server
import io
import sys
import tarfile
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from resode_lib import datasets
from resode_lib.datasets import Archive, cifar10

IMAGES = 2  # per file
PLANAR = {"moons": datasets.moons}


def silent(done, total):
    pass


@pytest.mark.parametrize("draw", PLANAR.values(), ids=PLANAR)
def test_planar_sets_are_balanced_and_a_function_of_their_key(draw, key):
    first, again = draw(key, samples=10, noise=0.1), draw(key, samples=10, noise=0.1)
    other = draw(jax.random.key(1), samples=10, noise=0.1)
    assert first.x.shape == (10, 2)
    assert jnp.bincount(first.y).tolist() == [5, 5]
    np.testing.assert_array_equal(first.x, again.x)
    assert jnp.abs(first.x - other.x).min() > 0


@pytest.mark.parametrize("draw", PLANAR.values(), ids=PLANAR)
def test_noise_is_added_to_the_same_points(draw, key):
    calm, noisy = (draw(key, samples=5000, noise=noise).x for noise in (0.0, 0.2))
    # 10,000 normal numbers: their standard deviation is known to 0.7 percent (one sigma).
    np.testing.assert_allclose(jnp.std(noisy - calm), 0.2, rtol=0.03)


def test_moons_are_half_circles_around_two_centres(key):
    x, y = datasets.moons(key, samples=50)
    centres = jnp.where(y[:, None] == 0, jnp.array([[-0.5, -0.25]]), jnp.array([[0.5, 0.25]]))
    from_centre = x - centres
    np.testing.assert_allclose(jnp.linalg.norm(from_centre, axis=1), 1, rtol=1e-13)
    assert (jnp.where(y == 0, 1, -1) * from_centre[:, 1] >= 0).all()  # upper and lower half


def test_digits_are_all_there_and_the_split_depends_on_the_key(key):
    train, test = datasets.digits(key, test_samples=297)
    assert train.x.shape == (1500, 8, 8, 1) and test.x.shape == (297, 8, 8, 1)
    everything = jnp.concatenate([train.x, test.x]).reshape(1797, 64)
    assert everything.min() == 0 and everything.max() == 1
    assert len(jnp.unique(everything, axis=0)) == 1797  # no digit twice, none in both sets
    assert jnp.bincount(jnp.concatenate([train.y, test.y])).min() > 170
    _, other = datasets.digits(jax.random.key(1), test_samples=297)
    assert (other.x != test.x).any()


def test_images_and_labels_stay_together(key):
    train, _ = datasets.digits(key)
    means = jnp.stack([train.x[train.y == label].mean(0).ravel() for label in range(10)])
    flat = train.x.reshape(len(train.x), -1)
    nearest = jnp.argmin(((flat[:, None] - means[None]) ** 2).sum(-1), axis=1)
    assert (nearest == train.y).mean() > 0.85  # one in ten by chance


@pytest.mark.parametrize("test_samples", [0, 1797])
def test_neither_set_of_digits_may_be_empty(test_samples, key):
    with pytest.raises(ValueError, match=f"got test_samples = {test_samples}; take 1 to 1796"):
        datasets.digits(key, test_samples=test_samples)


# CIFAR-10


def content(name):
    """The bytes of one tiny file: labels and planes drawn from the file's name."""
    rng = np.random.default_rng(list(name.encode()))
    records = rng.integers(0, 256, (IMAGES, 3073), dtype=np.uint8)
    records[:, 0] %= 10
    return records.tobytes()


def make_archive():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (*datasets.TRAIN_FILES, *datasets.TEST_FILES):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content(name))
            tar.addfile(member, io.BytesIO(content(name)))
    return buffer.getvalue()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``server.body``; ``server.cut`` ends the connection early, once."""

    def do_GET(self):
        """Answer with the body, or the part of it that was asked for."""
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        start = int(asked[len("bytes=") : -1]) if asked and server.ranges else 0
        if start >= len(server.body):
            return self.send_error(416)
        self.send_response(206 if asked and server.ranges else 200)
        self.send_header("Content-Length", str(len(server.body) - start))
        self.end_headers()
        self.wfile.write(server.body[start : server.cut])
        server.cut = None
        return None

    def log_message(self, *args):
        """Stay silent."""


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.body, server.cut, server.ranges, server.asked = make_archive(), None, True, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    server.archive = Archive(
        f"http://127.0.0.1:{server.server_port}/tiny.tar.gz",
        hashlib.sha256(server.body).hexdigest(),
        images=IMAGES,
    )
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def assert_is_the_tiny_cifar(sets):
    for (x, y), names in zip(sets, (datasets.TRAIN_FILES, datasets.TEST_FILES), strict=True):
        images = IMAGES * len(names)
        assert x.shape == (images, 32, 32, 3) and x.dtype == jnp.float32 and y.shape == (images,)
        for k in range(images):
            record = content(names[k // IMAGES])[(k % IMAGES) * 3073 :]
            assert y[k] == record[0]
            for row, column, channel in ((0, 0, 0), (0, 5, 1), (7, 0, 2), (31, 31, 2)):
                byte = record[1 + 1024 * channel + 32 * row + column]
                np.testing.assert_allclose(x[k, row, column, channel], byte / 255, rtol=1e-6)


def test_cifar_is_downloaded_once_and_then_read_from_the_folder(server, tmp_path):
    reports = []
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        sets = cifar10(folder, archive=server.archive, progress=lambda *r: reports.append(r))
        assert_is_the_tiny_cifar(sets)
    assert server.asked == [None]
    assert reports[-1] == (len(server.body), len(server.body))
    assert [file.name for file in folder.iterdir()] == ["tiny.tar.gz"]


@pytest.mark.parametrize("ranges", [True, False], ids=["server goes on", "server starts again"])
def test_a_download_that_was_cut_goes_on(ranges, server, tmp_path):
    server.cut, server.ranges = 1000, ranges
    with pytest.raises(OSError, match=r"connection ended after 1000 of \d+ bytes. Call again"):
        cifar10(tmp_path, archive=server.archive, progress=silent)
    assert [file.name for file in tmp_path.iterdir()] == ["tiny.tar.gz.part"]
    assert_is_the_tiny_cifar(cifar10(tmp_path, archive=server.archive, progress=silent))
    assert server.asked == [None, "bytes=1000-"]


def test_a_part_longer_than_the_file_is_forgotten(server, tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(server.body + b"more")
    with pytest.raises(OSError, match="416"):
        cifar10(tmp_path, archive=server.archive, progress=silent)
    assert_is_the_tiny_cifar(cifar10(tmp_path, archive=server.archive, progress=silent))


def test_a_corrupted_download_is_refused_and_not_kept(server, tmp_path):
    whole = server.body
    server.body = whole[:-1] + bytes([whole[-1] ^ 1])
    for _ in range(2):  # the second call must not find the file of the first
        with pytest.raises(ValueError, match=r"got sha256 [0-9a-f]{64}, expected [0-9a-f]{64}"):
            cifar10(tmp_path, archive=server.archive, progress=silent)
    assert list(tmp_path.iterdir()) == []
    server.body = whole
    assert_is_the_tiny_cifar(cifar10(tmp_path, archive=server.archive, progress=silent))


def test_a_corrupted_archive_in_the_folder_is_refused(server, tmp_path):
    (tmp_path / "tiny.tar.gz").write_bytes(server.body[:-1])
    with pytest.raises(ValueError, match="tiny.tar.gz is not the published archive"):
        cifar10(tmp_path, archive=server.archive, progress=silent)
    assert server.asked == []


def test_without_files_and_network_the_error_says_what_to_do(tmp_path):
    nobody = Archive("http://127.0.0.1:9/tiny.tar.gz", "0" * 64)
    with pytest.raises(OSError, match=r"not in .* could not be downloaded .* cifar10\(folder\)"):
        cifar10(tmp_path, archive=nobody, progress=silent)


@pytest.mark.parametrize("inner", [".", "cifar-10-batches-bin"])
def test_extracted_files_are_read_where_they_lie(inner, server, tmp_path):
    (tmp_path / inner).mkdir(exist_ok=True)
    for name in (*datasets.TRAIN_FILES, *datasets.TEST_FILES):
        (tmp_path / inner / name).write_bytes(content(name))
    assert_is_the_tiny_cifar(cifar10(tmp_path, archive=server.archive))
    assert server.asked == []


def test_an_extracted_file_of_another_length_is_refused(server, tmp_path):
    for name in (*datasets.TRAIN_FILES, *datasets.TEST_FILES):
        (tmp_path / name).write_bytes(content(name))
    (tmp_path / "data_batch_3.bin").write_bytes(content("data_batch_3.bin")[:-1])
    with pytest.raises(ValueError, match=r"data_batch_3.bin .* got 6145 bytes, expected 6146"):
        cifar10(tmp_path, archive=server.archive)


def test_progress_is_one_line_that_ends(capsys):
    datasets.show(2**20, 2 * 2**20)
    datasets.show(2 * 2**20, 2 * 2**20)
    assert capsys.readouterr().err == "\r1 of 2 MiB\r2 of 2 MiB\n"


@pytest.mark.parametrize("cut", ["missing", "short"])
def test_a_half_extracted_folder_gives_way_to_the_archive(cut, server, tmp_path):
    (tmp_path / "tiny.tar.gz").write_bytes(server.body)
    inner = tmp_path / "cifar-10-batches-bin"
    inner.mkdir()
    for name in (*datasets.TRAIN_FILES, *datasets.TEST_FILES):
        (inner / name).write_bytes(content(name))
    last = inner / datasets.TRAIN_FILES[-1]
    last.unlink() if cut == "missing" else last.write_bytes(b"half")
    assert_is_the_tiny_cifar(cifar10(tmp_path, archive=server.archive))
    assert server.asked == []


def test_the_folder_may_be_at_home(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert_is_the_tiny_cifar(cifar10("~/data", archive=server.archive, progress=silent))
    assert (tmp_path / "data" / "tiny.tar.gz").exists()


def test_digits_without_scikit_learn_say_how_to_get_it(key, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "resode_lib\[course\]"'):
        datasets.digits(key)
