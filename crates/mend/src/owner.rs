//! Whom new files belong to: whoever repairs a log is often not the user whose server has to open it afterwards.

use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::MendError;

/// Gives `path` the owner that `model` has, or else the nearest directory above it that is there; and its mode, if it
/// is a file that is there.
pub(crate) fn like(path: &Path, model: &Path) -> Result<(), MendError> {
    let is = |path: &Path| fs::metadata(path).map_err(MendError::io("look at", path));
    let of = model.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
    let Some((found, wanted)) = of else { return Ok(()) };
    let now = is(path)?;
    if owner(&now) != owner(&wanted) {
        let (user, group) = owner(&wanted);
        chown(path, Some(user), Some(group)).map_err(MendError::io("give its owner to", path))?;
    }
    if found == model && now.is_file() && now.mode() != wanted.mode() {
        fs::set_permissions(path, fs::Permissions::from_mode(wanted.mode()))
            .map_err(MendError::io("give its mode to", path))?;
    }
    Ok(())
}

fn owner(metadata: &Metadata) -> (u32, u32) {
    (metadata.uid(), metadata.gid())
}
