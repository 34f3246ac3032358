"""What the name of a file or folder alone says about it: secret, vendored, lock file, binary.

The one policy, for the index as well as for what the agent lists, reads and copies. Names are
compared in lower case. When in doubt a file is let through: its content is looked at later
(:mod:`harness.repository.content`), and a source file missing from search is hard to notice.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.types import SkipReason

# Version control's own folders: never listed, never counted.
VCS_FOLDERS = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "cvs", ".sl"})

_SECRET_FOLDERS = frozenset({".aws", ".ssh", ".gnupg", ".azure", ".kube", ".docker"})
_SECRET_NAMES = frozenset(
    {
        *(".envrc", ".npmrc", ".netrc", "_netrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd"),
        *(".git-credentials", ".dockercfg", ".s3cfg", ".boto", ".vault-token", ".vault_pass"),
        *(".dockerconfigjson", "kubeconfig", ".terraformrc", "terraform.rc"),
    }
)
_SECRET_SUFFIXES = (
    *(".pem", ".key", ".p12", ".pfx", ".p8", ".pkcs12", ".ppk", ".kdb", ".kdbx", ".jks"),
    *(".keystore", ".keytab", ".ovpn", ".agekey", ".tfstate", ".tfstate.backup", ".env"),
)
# `.env`, `.env.local`, `.env-prod`; `.environment.ts` is code.
_ENV_FILE = re.compile(r"\.env(rc)?([._-].*)?")
# A part of a name that marks a template, which is copied and filled in.
_TEMPLATE_PART = re.compile(r"(^|[._-])(example|sample|template|tmpl|tpl|dist|schema)([._-]|$)")
# Private keys under ssh-keygen's default names; `id_rsa.pub` and `id_generator.py` are not.
_SSH_KEY = re.compile(
    r"(ssh_host_)?(id_)?(rsa|dsa|ecdsa|ed25519)(_sk)?([_-][a-z0-9_-]+)?"
    r"(\.(bak|old|orig|priv|private))?"
)

# Catalogs repeat the same strings for every language: a third of Django's chunks, none of its code.
_TRANSLATION_SUFFIXES = frozenset({".po", ".pot", ".xlf", ".xliff", ".arb"})

_LOCK_FILES = frozenset(
    {
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"),
        *("bun.lock", "bun.lockb", "deno.lock", "cargo.lock", "poetry.lock", "uv.lock"),
        *("pdm.lock", "pipfile.lock", "pixi.lock", "pylock.toml", "requirements.lock"),
        *("requirements-dev.lock", "conda-lock.yml", "go.sum", "go.work.sum", "composer.lock"),
        *("gemfile.lock", "gems.locked", "mix.lock", "pubspec.lock", "podfile.lock"),
        *("package.resolved", "cartfile.resolved", "packages.lock.json", "paket.lock"),
        *("project.assets.json", "flake.lock", "gradle.lockfile", "buildscript-gradle.lockfile"),
        *(".terraform.lock.hcl", "chart.lock", "module.bazel.lock", "cabal.project.freeze"),
        *("stack.yaml.lock", "conan.lock", "rebar.lock", "shard.lock", "buf.lock"),
    }
)

# What tools put there and can put there again: installed packages, caches, build output.
_REMADE_FOLDERS = frozenset(
    {
        *("node_modules", "bower_components", "jspm_packages", "site-packages", "dist-packages"),
        *(".venv", "__pycache__", "__pypackages__", ".tox", ".nox", ".eggs", ".mypy_cache"),
        *(".pytest_cache", ".ruff_cache", ".gradle", ".terraform", ".terragrunt-cache"),
        *(".next", ".nuxt", ".svelte-kit", ".parcel-cache", ".turbo"),
    }
)
_REMADE_SUFFIXES = (".egg-info",)
# Other people's code, copied in by hand or by a tool, often for good.
_COPIED_FOLDERS = frozenset(
    {
        *(".yarn", "pods", "carthage", "_vendor", "_vendored", "vendored"),
        *("third_party", "third-party", "thirdparty", "3rdparty", "3rd_party"),
    }
)
# `vendor` may also be a team's own word (a shop's suppliers), so a second sign is required.
_VENDOR_FOLDERS = frozenset({"vendor", "vendors"})
_VENDOR_MARKERS = ("modules.txt", "autoload.php", "composer", "bundle", "cache", "bin")
_ASSET_FOLDERS = frozenset({"js", "css", "static", "assets", "public", "javascripts", "lib"})
_FOLDER_MARKERS = ("pyvenv.cfg", "CACHEDIR.TAG", "CMakeCache.txt")
# Build output by what lies beside it. Only asked outside git: there the ignore rules already
# hide build output, and a tracked `build/` holds real source more often than not.
_OUTPUT_SIBLINGS = {
    "dist": ("package.json", "pyproject.toml", "setup.py"),
    "build": ("build.gradle", "build.gradle.kts"),
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
}

# A copy of a repository can do without these, and no change of one is about them. A virtual
# environment is told by its marker where there is one to look for; a pattern has only the name.
REMADE_PATTERNS = (
    *sorted(_REMADE_FOLDERS),
    "venv",
    "*.pyc",
    *(f"*{suffix}" for suffix in _REMADE_SUFFIXES),
    *sorted(name for name in VCS_FOLDERS if name.startswith(".") and name != ".git"),
)
"""What tools can make again, as lines of a ``.gitignore`` file."""

_BINARY_SUFFIXES = frozenset(
    {
        # images, drawings (SVG: paths, not prose)
        *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".icns", ".webp", ".avif"),
        *(".tif", ".tiff", ".heic", ".psd", ".ai", ".eps", ".svg", ".svgz"),
        *(".xcf", ".sketch", ".fig", ".cur"),
        # sound, video, fonts, 3D
        *(".mp3", ".mp4", ".m4a", ".m4v", ".wav", ".flac", ".ogg", ".oga", ".ogv"),
        *(".opus", ".aac", ".avi", ".mov", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg"),
        *(".ttf", ".otf", ".woff", ".woff2", ".eot", ".pfb", ".glb", ".blend", ".fbx"),
        *(".stl", ".swf"),
        # archives, packages, disk images
        *(".zip", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".7z"),
        *(".rar", ".tar", ".lz4", ".br", ".whl", ".egg", ".gem", ".crate", ".nupkg"),
        *(".deb", ".rpm", ".apk", ".ipa", ".dmg", ".iso", ".img", ".cab", ".msi"),
        *(".jar", ".war", ".ear", ".aar", ".vsix", ".crx", ".pack", ".idx"),
        # compiled
        *(".o", ".a", ".so", ".dylib", ".dll", ".exe", ".lib", ".pyc", ".pyo"),
        *(".pyd", ".class", ".wasm", ".pdb", ".ilk", ".elc", ".beam", ".hi", ".rlib"),
        *(".rmeta", ".nib", ".mo", ".gmo", ".dex", ".node"),
        # documents
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods"),
        *(".odp", ".epub", ".mobi", ".pages", ".numbers", ".rtf"),
        # data and models
        *(".db", ".sqlite", ".sqlite3", ".mdb", ".parquet", ".feather", ".arrow", ".avro", ".orc"),
        *(".npy", ".npz", ".pkl", ".pickle", ".pt", ".pth"),
        *(".ckpt", ".onnx", ".safetensors", ".gguf", ".ggml", ".h5", ".hdf5", ".tflite", ".pb"),
        *(".joblib", ".rdata", ".rds", ".mat", ".fits"),
        *(".bin", ".dump", ".gpg", ".der", ".crt", ".cer", ".p7b", ".ds_store"),
    }
)
_MINIFIED_NAME = re.compile(r".*[.-]min\.(js|mjs|cjs|css|html)|.*\.(js|mjs|cjs|css|ts)\.map")


def skip_file_by_name(name: str) -> SkipReason | None:
    """Judge a file by its own name, without its folders."""
    lower = name.lower()
    if _is_secret(lower):
        return SkipReason.SECRET
    if lower in _LOCK_FILES or (lower.startswith("pylock.") and lower.endswith(".toml")):
        return SkipReason.LOCK_FILE
    if lower.endswith(".lock"):  # requirements-*.lock and whatever comes next
        return SkipReason.LOCK_FILE
    dot = lower.rfind(".")
    if dot >= 0 and lower[dot:] in _TRANSLATION_SUFFIXES:
        return SkipReason.TRANSLATION
    if dot >= 0 and lower[dot:] in _BINARY_SUFFIXES:
        return SkipReason.BINARY
    if _MINIFIED_NAME.fullmatch(lower):
        return SkipReason.MINIFIED
    return None


def skip_folder_by_name(root: Path, folder: str, *, in_git: bool) -> SkipReason | None:
    """Judge a folder by its name and by marker files in and beside it.

    :param root: the folder being walked.
    :param folder: path relative to it, with ``/``.
    :param in_git: build output is left to git's own ignore rules.
    """
    parent, _, name = folder.rpartition("/")
    lower = name.lower()
    if lower in _SECRET_FOLDERS:
        return SkipReason.SECRET
    if lower in _REMADE_FOLDERS or lower.endswith(_REMADE_SUFFIXES):
        return SkipReason.VENDORED
    if lower in _COPIED_FOLDERS or _has(root, folder, _FOLDER_MARKERS):
        return SkipReason.VENDORED
    if lower in _VENDOR_FOLDERS and _is_vendor_copy(root, folder, parent):
        return SkipReason.VENDORED
    if not in_git and _has(root, parent, _OUTPUT_SIBLINGS.get(lower, ())):
        return SkipReason.VENDORED
    return None


def is_secret(path: str) -> bool:
    """Tell whether a path's names say that it holds credentials: its own, or one above it.

    :param path: relative to a repository's root, with ``/``.
    """
    parts = path.lower().split("/")
    return _is_secret(parts[-1]) or not _SECRET_FOLDERS.isdisjoint(parts)


def _is_secret(lower: str) -> bool:
    if _TEMPLATE_PART.search(lower):
        return False
    return (
        lower in _SECRET_NAMES
        or (_ENV_FILE.fullmatch(lower) is not None and not lower.endswith(".d.ts"))
        or lower.endswith(_SECRET_SUFFIXES)
        or (
            lower.startswith(("id_", "ssh_host_"))
            and not lower.endswith(".pub")
            and _SSH_KEY.fullmatch(lower.removesuffix("_key")) is not None
        )
    )


def _is_vendor_copy(root: Path, folder: str, parent: str) -> bool:
    if _has(root, folder, _VENDOR_MARKERS):
        return True
    if _has(root, folder, ("__init__.py",)):
        return False
    return parent == "" or parent.rpartition("/")[2].lower() in _ASSET_FOLDERS


def _has(root: Path, folder: str, names: tuple[str, ...]) -> bool:
    return any(os.path.lexists(f"{root}/{folder}/{name}") for name in names)
