"""Data and configuration files."""

from __future__ import annotations

from typing import Final

from harness.chunking.languages.spec import Content, Grammar, Head, Kind, LanguageSpec, Structure

_YAML: Final = Grammar(
    keys=("block_mapping_pair",), containers=("document", "block_node", "block_mapping")
)
_TOML: Final = Grammar(
    keys=("table", "table_array_element", "pair"),
    identifiers=("bare_key", "dotted_key", "quoted_key"),
)
LANGUAGES: Final = (
    LanguageSpec(
        "json",
        extensions=(
            "json",
            "jsonc",
            "json5",
            "ipynb",
            "geojson",
            "webmanifest",
            "avsc",
            "har",
            "topojson",
            "jsonl",
            "ndjson",
            "code-workspace",
            "tfstate",
            "gltf",
            "jsonld",
            "sarif",
            "importmap",
            "arb",
            "mcmeta",
        ),
        file_names=(
            "composer.lock",
            ".babelrc",
            ".eslintrc",
            ".jshintrc",
            ".swcrc",
            ".watchmanconfig",
            ".arcconfig",
            "flake.lock",
            "pipfile.lock",
            "deno.lock",
            "bun.lock",
        ),
        file_patterns=("*.tfstate.backup",),
        content=Content.DATA,
        grammar=Grammar(keys=("pair",), containers=("object",)),
    ),
    LanguageSpec(
        "yaml",
        extensions=("yaml", "yml", "eyaml", "cff", "sls"),
        file_names=(
            "yarn.lock",
            ".prettierrc",
            ".clang-format",
            ".clang-tidy",
            ".clangd",
            ".gemrc",
            "glide.lock",
            "pubspec.lock",
            "podfile.lock",
            ".stylelintrc",
            ".markdownlintrc",
        ),
        content=Content.DATA,
        grammar=_YAML,
    ),
    LanguageSpec(
        "toml",
        extensions=("toml",),
        file_names=("pipfile", "cargo.lock", "poetry.lock", "uv.lock", "gopkg.lock", "pdm.lock"),
        content=Content.DATA,
        grammar=_TOML,
    ),
    LanguageSpec(
        "xml",
        extensions=(
            *("xml", "xsd", "xsl", "xslt", "wsdl", "svg", "plist", "rss", "atom", "xul", "xaml"),
            *("csproj", "vbproj", "fsproj", "vcxproj", "vcproj", "sqlproj", "props", "targets"),
            *("pom", "nuspec", "resx", "storyboard", "xib", "kml", "gpx", "dita", "rdf", "owl"),
            *("iml", "launch", "urdf", "xacro", "xlf", "xliff", "axml", "ui", "qrc", "tei", "dae"),
        ),
        content=Content.DATA,
    ),
    LanguageSpec(
        "ini",
        extensions=(
            "ini",
            "cfg",
            "conf",
            "cnf",
            "inf",
            "xcconfig",
            "reg",
            "desktop",
            "service",
            "timer",
            "socket",
        ),
        file_names=(
            *(".editorconfig", ".gitconfig", ".gitmodules", ".npmrc", ".pylintrc", ".flake8"),
            *(".coveragerc", ".hgrc", ".curlrc", ".wgetrc", ".yarnrc"),
        ),
        content=Content.DATA,
        grammar=Grammar(headed=("section",), heads=(Head(r"\[\s*([^\]\n]+?)\s*\]", Kind.KEY),)),
    ),
    LanguageSpec(
        "properties",
        extensions=("properties", "env"),
        file_names=(".env",),
        file_patterns=(".env.*",),
        content=Content.DATA,
        grammar=Grammar(headed=("property",), heads=(Head(r"([^\s=:#!]+)\s*[=:\s]", Kind.NAME),)),
    ),
    LanguageSpec(
        "kdl",
        extensions=("kdl",),
        content=Content.DATA,
        grammar=Grammar(keys=("node",)),
    ),
    LanguageSpec("ron", extensions=("ron",), content=Content.DATA),
    LanguageSpec(
        "hyprlang",
        file_names=("hyprland.conf", "hyprpaper.conf", "hypridle.conf", "hyprlock.conf"),
        content=Content.DATA,
        grammar=Grammar(keys=("section",), identifiers=("name",)),
    ),
    LanguageSpec("csv", extensions=("csv",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec("tsv", extensions=("tsv",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec("psv", extensions=("psv",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec(
        "beancount",
        extensions=("beancount",),
        structure=Structure.LINES,
        content=Content.DATA,
    ),
    LanguageSpec("pgn", extensions=("pgn",), structure=Structure.LINES, content=Content.DATA),
    LanguageSpec(
        "pem",
        extensions=("pem", "crt", "key", "cer", "csr"),
        structure=Structure.LINES,
    ),
)
