//! The closed list of types that files are told apart by: codes for records and figures, words for people, the groups
//! that `policies/files.toml` names, the extensions that belong to each.

use serde::{Deserialize, Serialize};

use crate::value::Language;

macro_rules! kinds {
    ($($variant:ident = $code:literal, $group:literal, [$($extension:literal),*], $fr:literal, $en:literal;)+) => {
        /// The type of a file, told by its content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum FileKind {$(
            #[doc = $en]
            #[serde(rename = $code)]
            $variant,
        )+}

        impl FileKind {
            /// Every type.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code in policy files, records and figures.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The group that a policy file accepts as a whole.
            pub const fn group(self) -> &'static str {
                match self { $(Self::$variant => $group,)+ }
            }

            /// The extensions that name this type, in lower case.
            pub const fn extensions(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($extension),*],)+ }
            }

            /// What people call it.
            pub const fn label(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::Fr) => $fr, (Self::$variant, Language::En) => $en,)+
                }
            }
        }
    };
}

kinds! {
    Pdf = "pdf", "pdf", ["pdf"], "PDF", "PDF";
    Jpeg = "jpeg", "image", ["jpg", "jpeg", "jpe", "jfif"], "image JPEG", "JPEG image";
    Png = "png", "image", ["png"], "image PNG", "PNG image";
    Gif = "gif", "image", ["gif"], "image GIF", "GIF image";
    Tiff = "tiff", "image", ["tif", "tiff"], "image TIFF", "TIFF image";
    Bmp = "bmp", "image", ["bmp", "dib"], "image BMP", "BMP image";
    Webp = "webp", "image", ["webp"], "image WebP", "WebP image";
    Heif = "heif", "image", ["heic", "heif", "avif"], "image HEIF", "HEIF image";
    WordXml = "docx", "office", ["docx", "docm", "dotx", "dotm"], "document Word", "Word document";
    ExcelXml = "xlsx", "office", ["xlsx", "xlsm", "xltx", "xltm", "xlsb"], "classeur Excel", "Excel workbook";
    PowerPointXml = "pptx", "office", ["pptx", "pptm", "ppsx", "ppsm", "potx", "potm"], "présentation PowerPoint", "PowerPoint presentation";
    Word = "doc", "office", ["doc", "dot"], "document Word 97-2003", "Word 97-2003 document";
    Excel = "xls", "office", ["xls", "xlt", "xlm"], "classeur Excel 97-2003", "Excel 97-2003 workbook";
    PowerPoint = "ppt", "office", ["ppt", "pps", "pot"], "présentation PowerPoint 97-2003", "PowerPoint 97-2003 presentation";
    LockedOffice = "locked-office", "office", ["docx", "docm", "xlsx", "xlsm", "xlsb", "pptx", "pptm"], "document Office protégé par mot de passe", "password-protected Office document";
    OpenText = "odt", "office", ["odt", "ott"], "texte OpenDocument", "OpenDocument text";
    OpenSheet = "ods", "office", ["ods", "ots"], "classeur OpenDocument", "OpenDocument spreadsheet";
    OpenSlides = "odp", "office", ["odp", "otp"], "présentation OpenDocument", "OpenDocument presentation";
    RichText = "rtf", "office", ["rtf", "doc"], "texte RTF", "RTF text";
    Text = "text", "text", ["txt", "csv", "tsv", "log", "md", "json", "xml", "ics", "vcf", "ini"], "texte", "text";
    Mail = "eml", "mail", ["eml", "txt"], "courriel", "mail";
    OutlookMail = "msg", "mail", ["msg"], "courriel Outlook", "Outlook mail";
    Zip = "zip", "archive", ["zip"], "archive ZIP", "ZIP archive";
    Gzip = "gzip", "archive", ["gz", "tgz"], "archive GZIP", "GZIP archive";
    Tar = "tar", "archive", ["tar"], "archive TAR", "TAR archive";
    Empty = "empty", "empty", [], "fichier vide", "empty file";
    OtherArchive = "other-archive", "other-archive", ["7z", "rar", "bz2", "xz", "zst", "cab", "arj", "iso", "lz", "lha"], "archive d’un format non examinable", "archive of a format that cannot be examined";
    Executable = "executable", "executable", ["exe", "dll", "com", "scr", "msi", "jar", "apk", "so", "lnk"], "programme", "program";
    Script = "script", "script", ["js", "jse", "vbs", "vbe", "wsf", "hta", "ps1", "bat", "cmd", "sh", "py", "pl", "php", "reg"], "script", "script";
    Html = "html", "html", ["html", "htm", "xhtml", "mht", "svg"], "page web", "web page";
    Audio = "audio", "audio", ["mp3", "m4a", "ogg", "oga", "flac", "wav", "aac", "amr", "opus"], "enregistrement sonore", "audio recording";
    Video = "video", "video", ["mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "3gp"], "vidéo", "video";
    Compound = "compound", "unknown", [], "document composé inconnu", "unknown compound document";
    Unknown = "unknown", "unknown", [], "type inconnu", "unknown type";
}

impl FileKind {
    /// The type of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }

    /// Whether other files are in it, which a look at its first bytes does not show.
    pub const fn is_container(self) -> bool {
        use FileKind::{
            Compound, Excel, ExcelXml, Gzip, LockedOffice, Mail, OpenSheet, OpenSlides, OpenText,
            OutlookMail, PowerPoint, PowerPointXml, Tar, Word, WordXml, Zip,
        };
        matches!(
            self,
            Zip | Gzip
                | Tar
                | WordXml
                | ExcelXml
                | PowerPointXml
                | OpenText
                | OpenSheet
                | OpenSlides
                | Word
                | Excel
                | PowerPoint
                | OutlookMail
                | LockedOffice
                | Compound
                | Mail
        )
    }

    /// Whether its first bytes are all that must be looked at beside the antivirus.
    pub const fn is_told_by_its_head(self) -> bool {
        !self.is_container() && !matches!(self, Self::Pdf)
    }

    /// Whether an extension (lower case, no dot) promises another type than this one. An extension that promises nothing
    /// that is known is no contradiction.
    pub fn contradicts(self, extension: &str) -> bool {
        if self == Self::Empty || self.extensions().contains(&extension) {
            return false;
        }
        let promised = Self::ALL.iter().filter(|kind| kind.extensions().contains(&extension));
        let mut promised = promised.peekable();
        promised.peek().is_some() && !promised.any(|kind| *kind == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_name_one_type_each_and_read_back() {
        let codes: BTreeSet<_> = FileKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), FileKind::ALL.len());
        for kind in FileKind::ALL {
            assert_eq!(FileKind::from_code(kind.code()), Some(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{}\"", kind.code()));
        }
    }

    #[test]
    fn a_name_contradicts_the_content_only_where_it_promises_something() {
        assert!(FileKind::Executable.contradicts("pdf"));
        assert!(FileKind::Png.contradicts("jpg"));
        assert!(!FileKind::Jpeg.contradicts("jpeg"));
        assert!(!FileKind::Pdf.contradicts("12"), "an extension that nobody knows promises nothing");
        assert!(!FileKind::RichText.contradicts("doc"), "Word has written RTF into .doc for decades");
        assert!(!FileKind::Mail.contradicts("txt"));
    }
}
