/* SPDX-License-Identifier: Apache-2.0 */
/* Making and unmaking one cgroup directory. Private to this directory. */
#ifndef HULL_CGROUP_TREE_H
#define HULL_CGROUP_TREE_H

#include "cgroup/cgroup.h"

/**
 * Makes d->rel below d->root and counts in d->made. visit (may be NULL) is called for each
 * component with its descriptor and that of the directory above; leaf tells the last one.
 * @return O_PATH descriptor of the directory or a negative code
 */
typedef int tree_visit_fn(void *arg, int parent, int fd, bool made, bool leaf,
                          struct hull_error *e);
int cgroup_tree_make(struct cgroup_dir *d, tree_visit_fn *visit, void *arg, struct hull_error *e);
/** Removes the components that cgroup_tree_make made, as far as they are empty. */
void cgroup_tree_unmake(struct cgroup_dir *d);
/**
 * Removes the directory and everything below. -EBUSY while there are processes; 0 if it is gone.
 */
int cgroup_tree_remove(const struct cgroup_dir *d);
#endif
