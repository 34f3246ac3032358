"""What the name of a file or folder alone says about it: secret, vendored, lock file, binary.

The one policy, for the index as well as for what the agent lists, reads and copies. Names are
compared in lower case. When in doubt a file is let through: its content is looked at later
(:mod:`harness.repository.content`), and a source file missing from search is hard to notice.
"""

from __future__ import annotations

import re

from harness.repository.folder_signs import (
    DiskTree,
    FolderTree,
    TrackedTree,
    sign_of_copy,
    sign_of_marker,
)
from harness.types import Skip, SkipReason

# Version control's own folders: never listed, never counted.
VCS_FOLDERS = frozenset({".git", ".hg", ".svn", ".jj", ".bzr", "cvs", ".sl"})

# Keys and what is about them.
_SECRET_FOLDERS = frozenset({".ssh", ".gnupg"})
# Folders of tools that also hold what a team writes, such as `.docker/php/Dockerfile` and
# `.aws/task-definition.json`; what the tools themselves keep there is known.
_SECRETS_IN_FOLDER = {
    ".docker": re.compile(r"config\.json.*|\.token_seed.*|(contexts|machine|trust)/.*"),
    ".kube": re.compile(r"config([._-].*)?|.*\.(config|conf)|.*kubeconfig.*|(http-)?cache/.*"),
    ".aws": re.compile(r"(credentials|config)([._-].*)?|(sso|cli|login)/.*"),
    ".azure": re.compile(
        r"config|.*\.(bin|cred)|(accesstokens|azureprofile|msal|service_principal|az\.)[^/]*"
    ),
}
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
# What a team writes its own secrets into. Only formats of data: `secrets.py` is code.
_STORE_NAME = re.compile(
    r".*\.tfvars(\.json)?|(.*[._-])?client[_-]secrets?([._-].*)?\.json|"
    r"(.*[._-])?service[_-]?account([._-]?(key|prod|credentials)[a-z0-9._-]*)?\.json|"
    r"(prod(uction)?[._-]|stag(e|ing)[._-]|dev(elopment)?[._-]|test[._-]|local[._-]|app[._-])?"
    r"(secrets?|credentials?)([._-](prod|production|staging|stage|dev|development|test|local))?"
    r"\.(ya?ml|json|toml|ini|properties|cfg|conf|enc)|"
    r"\.?(ansible[_-])?vault[_-]pass(word)?([_-][a-z0-9]+)?(\.txt)?"
)
# There such names are of a chart's templates and of words on a page.
_NO_STORE_FOLDERS = frozenset({"templates", "locales", "locale", "i18n", "lang", "translations"})
# A part of a name that marks a template, which is copied and filled in.
_TEMPLATE_PART = re.compile(r"(^|[._-])(example|sample|template|tmpl|tpl|dist|schema)([._-]|$)")
# Private keys under ssh-keygen's default names; `id_rsa.pub` and `id_generator.py` are not.
_SSH_KEY = re.compile(
    r"(ssh_host_)?(id_)?(rsa|dsa|ecdsa|ed25519)(_sk)?([_-][a-z0-9_-]+)?"
    r"(\.(bak|old|orig|priv|private))?"
)

# Catalogs repeat the same strings for every language: a third of Django's chunks, none of its code.
_TRANSLATION_SUFFIXES = frozenset({".po", ".pot", ".xlf", ".xliff", ".arb", ".xcstrings"})

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
        *(".yarn", "_vendor", "_vendored", "vendored"),
        *("third_party", "third-party", "thirdparty", "3rdparty", "3rd_party"),
    }
)
# `vendor` may also be a team's own word (a shop's suppliers), so a second sign is required.
_VENDOR_FOLDERS = frozenset({"vendor", "vendors"})
_VENDOR_MARKERS = ("modules.txt", "autoload.php", "composer", "bundle", "cache", "bin")
_ASSET_FOLDERS = frozenset({"js", "css", "static", "assets", "public", "javascripts", "lib"})
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
        *(".tif", ".tiff", ".heic", ".psd", ".eps", ".svg", ".svgz"),
        *(
            ".xcf",
            ".sketch",
        ),
        # sound, video, fonts, 3D
        *(".mp3", ".mp4", ".m4a", ".m4v", ".wav", ".flac", ".ogg", ".oga", ".ogv"),
        *(".opus", ".aac", ".avi", ".mov", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg"),
        *(".ttf", ".otf", ".woff", ".woff2", ".eot", ".pfb", ".glb", ".blend", ".fbx"),
        *(".stl", ".swf"),
        # archives, packages, disk images
        *(".zip", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".7z"),
        *(".rar", ".tar", ".lz4", ".br", ".whl", ".egg", ".gem", ".crate", ".nupkg"),
        *(".deb", ".rpm", ".apk", ".ipa", ".dmg", ".iso", ".cab", ".msi"),
        *(
            ".jar",
            ".war",
            ".ear",
            ".aar",
            ".vsix",
            ".crx",
        ),
        # compiled
        *(".o", ".so", ".dylib", ".dll", ".exe", ".pyc", ".pyo"),
        *(".pyd", ".wasm", ".pdb", ".ilk", ".elc", ".beam", ".rlib"),
        *(
            ".rmeta",
            ".gmo",
            ".dex",
        ),
        # documents
        *(".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods"),
        *(
            ".odp",
            ".epub",
            ".mobi",
        ),
        # data and models
        *(".db", ".sqlite", ".sqlite3", ".mdb", ".parquet", ".feather", ".arrow", ".avro"),
        *(".npy", ".npz", ".pkl", ".pickle", ".pt", ".pth"),
        *(".ckpt", ".onnx", ".safetensors", ".gguf", ".ggml", ".h5", ".hdf5", ".tflite"),
        *(".joblib", ".rdata", ".rds", ".fits"),
        *(".bin", ".gpg", ".der", ".crt", ".cer", ".p7b", ".ds_store"),
    }
)
_MINIFIED_NAME = re.compile(r".*[.-]min\.(js|mjs|cjs|css|html)|.*\.(js|mjs|cjs|css|ts)\.map")


def skip_file_by_name(name: str) -> Skip | None:
    """Judge a file by its own name, without its folders."""
    lower = name.lower()
    if _is_secret(lower):
        return Skip(SkipReason.SECRET, f"the name {name}")
    if lower in _LOCK_FILES or (lower.startswith("pylock.") and lower.endswith(".toml")):
        return Skip(SkipReason.LOCK_FILE, f"the name {name}")
    if lower.endswith(".lock"):  # requirements-*.lock and whatever comes next
        return Skip(SkipReason.LOCK_FILE, "the name *.lock")
    dot = lower.rfind(".")
    if dot >= 0 and lower[dot:] in _TRANSLATION_SUFFIXES:
        return Skip(SkipReason.TRANSLATION, f"the name *{lower[dot:]}")
    if dot >= 0 and lower[dot:] in _BINARY_SUFFIXES:
        return Skip(SkipReason.BINARY, f"the name *{lower[dot:]}")
    if _MINIFIED_NAME.fullmatch(lower):
        return Skip(SkipReason.MINIFIED, f"the name {name}")
    return None


def skip_folder_by_name(
    disk: DiskTree,
    folder: str,
    *,
    in_git: bool,
    tracked: TrackedTree | None = None,
    is_tracked: bool = False,
) -> Skip | None:
    """Judge a folder by its name and by what lies in and beside it.

    :param disk: the folder being walked.
    :param folder: path relative to it, with ``/``.
    :param in_git: build output is left to git's own ignore rules.
    :param tracked: what git tracks; None: nothing.
    :param is_tracked: the question is about a tracked file in it. Only tracked signs count then.
    """
    parent, _, name = folder.rpartition("/")
    lower = name.lower()
    if lower in _SECRET_FOLDERS:
        return Skip(SkipReason.SECRET, f"the name {name}/")
    has_tracked = tracked is not None and folder in tracked.folders
    signs: FolderTree = tracked if has_tracked and tracked is not None else disk
    marker = sign_of_marker(signs if is_tracked else disk, folder, is_own=is_tracked or not in_git)
    sign = marker or sign_of_copy(signs, folder)
    if sign:
        return Skip(SkipReason.VENDORED, sign)
    if has_tracked:
        return None
    if (
        lower in _REMADE_FOLDERS
        or lower.endswith(_REMADE_SUFFIXES)
        or lower in _COPIED_FOLDERS
        or (lower in _VENDOR_FOLDERS and _is_vendor_copy(disk, folder, parent))
    ):
        return Skip(
            SkipReason.VENDORED,
            f"the name {name}/, which git does not track" if in_git else f"the name {name}/",
        )
    for sibling in _OUTPUT_SIBLINGS.get(lower, ()) if not in_git else ():
        if disk.has(f"{parent}/{sibling}" if parent else sibling):
            return Skip(SkipReason.VENDORED, f"{name}/ with {sibling} beside it")
    return None


def is_secret(path: str) -> bool:
    """Tell whether a path's names say that it holds credentials: its own, or one above it.

    :param path: relative to a repository's root, with ``/``.
    """
    return _is_secret(path.rpartition("/")[2].lower()) or is_secret_there(path)


def is_secret_there(path: str) -> bool:
    """As :func:`is_secret`, of a file whose own name says nothing of the kind.

    :param path: relative to a repository's root, with ``/``.
    """
    parts = path.lower().split("/")
    if not _SECRET_FOLDERS.isdisjoint(parts):
        return True
    if _STORE_NAME.fullmatch(parts[-1]) and _NO_STORE_FOLDERS.isdisjoint(parts[:-1]):
        return not _TEMPLATE_PART.search(parts[-1])
    for depth, part in enumerate(parts[:-1]):
        kept = _SECRETS_IN_FOLDER.get(part)
        if kept is not None and kept.fullmatch("/".join(parts[depth + 1 :])):
            return not _TEMPLATE_PART.search(parts[-1])
    return False


def _is_secret(lower: str) -> bool:
    return (
        lower in _SECRET_NAMES
        or lower.endswith(_SECRET_SUFFIXES)
        or (_ENV_FILE.fullmatch(lower) is not None and not lower.endswith(".d.ts"))
        or (
            lower.startswith(("id_", "ssh_host_"))
            and not lower.endswith(".pub")
            and _SSH_KEY.fullmatch(lower.removesuffix("_key")) is not None
        )
    ) and not _TEMPLATE_PART.search(lower)


def _is_vendor_copy(disk: DiskTree, folder: str, parent: str) -> bool:
    if any(disk.has(f"{folder}/{marker}") for marker in _VENDOR_MARKERS):
        return True
    if disk.has(f"{folder}/__init__.py"):
        return False
    return parent == "" or parent.rpartition("/")[2].lower() in _ASSET_FOLDERS
