#include "cli/command.h"
#include "cli/dataset/dataset.h"

const struct Command *const commands[] = {
    &command_train,
    &command_eval,
    &command_predict,
    &command_ensemble,
    &command_report,
    &command_inspect,
    &command_activations,
    &command_describe,
    &command_check,
    &command_gradcheck,
    &command_search,
    &command_doctor,
    &command_keys,
    &command_verify,
    &command_dataset_import,
    &command_dataset_synthesize,
    &command_dataset_info,
    &command_dataset_statistics,
    &command_dataset_verify,
    &command_dataset_preview,
    NULL,
};
