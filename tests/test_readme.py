"""The Python in the README runs as it stands there."""

import re
import subprocess
import sys

from PIL import Image

from distill.synthetic import SceneConfig, draw_scene


def test_a_model_on_a_picture(repository, tmp_path):
    (code,) = re.findall(r"^```python\n(.*?)^```$", (repository / "README.md").read_text(), re.M | re.S)
    scene = draw_scene(SceneConfig(size=192), 5, 0)
    Image.fromarray(scene.image).save(tmp_path / "picture.jpg", quality=95)
    script = f"import sys; sys.path[:] = {[str(repository), *sys.path]!r}\n{code}\nassert len(persons)\n"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "array([[" in ran.stdout
