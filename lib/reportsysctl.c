/* The sysctls of a namespace as a table, csv or JSON. */
#include "report.h"
#include "memory.h"

#include <json-c/json.h>

static void sysctl_json(struct out *out, const struct setting *setting,
			const struct settings *settings, const struct kernel *kernel)
{
	const struct sysctl *sysctl = setting->sysctl;
	const char *usual = sysctl ? sysctl_default(sysctl, kernel) : NULL;
	const char *remark = setting_remark(setting, settings);
	struct json_object *root = json_object_new_object(), *value;
	uint64_t number;

	value = sysctl_value(setting->value, &number) ? json_object_new_uint64(number)
						      : json_object_new_string(setting->value);
	json_object_object_add(root, "name", json_object_new_string(setting->name));
	json_object_object_add(root, "value", value);
	if (sysctl && sysctl->unit)
		json_object_object_add(root, "unit", json_object_new_string(sysctl->unit));
	if (usual)
		json_object_object_add(root, "default", json_object_new_string(usual));
	if (sysctl) {
		json_object_object_add(root, "changed",
				       json_object_new_boolean(setting_changed(setting, kernel)));
		json_object_object_add(root, "scope",
				       json_object_new_string(sysctl->global ? "machine" : "namespace"));
		json_object_object_add(root, "meaning", json_object_new_string(sysctl->text));
	}
	if (remark)
		json_object_object_add(root, "warning", json_object_new_string(remark));
	out_text(out, must_text(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
						     JSON_C_TO_STRING_NOSLASHESCAPE)));
	out_text(out, "\n");
	json_object_put(root);
}

static void sysctl_row(struct grid *grid, const struct setting *setting,
		       const struct settings *settings, const struct kernel *kernel)
{
	static const char changed[] = "1", remarkable[] = "33";
	const struct sysctl *sysctl = setting->sysctl;
	const char *usual = sysctl ? sysctl_default(sysctl, kernel) : NULL;
	const char *remark = setting_remark(setting, settings);
	const char *colour = remark ? remarkable : setting_changed(setting, kernel) ? changed : NULL;

	grid_cell(grid, colour, "%s", setting->name);
	grid_cell(grid, colour, "%s", setting->value);
	if (sysctl && sysctl->unit)
		grid_cell(grid, NULL, "%s", sysctl->unit);
	else
		grid_absent(grid);
	if (usual)
		grid_cell(grid, NULL, "%s", usual);
	else
		grid_absent(grid);
	if (sysctl)
		grid_cell(grid, NULL, "%s", sysctl->global ? "machine" : "namespace");
	else
		grid_absent(grid);
	if (!sysctl)
		grid_absent(grid);
	else if (remark)
		grid_cell(grid, colour, "%s (! %s)", sysctl->text, remark);
	else
		grid_cell(grid, NULL, "%s", sysctl->text);
}

void report_settings(struct out *out, const struct print_options *options,
		     const struct settings *settings, const struct kernel *kernel)
{
	static const char *const columns[][2] = {
		{ "sysctl", "NET.NETFILTER" }, { "value", "VALUE" }, { "unit", "UNIT" },
		{ "default", "DEFAULT" }, { "scope", "SCOPE" }, { "meaning", "MEANING" },
	};
	struct grid *grid;

	if (options->format == FORMAT_JSON) {
		for (unsigned i = 0; i < settings->count; i++)
			sysctl_json(out, &settings->list[i], settings, kernel);
		return;
	}
	grid = grid_new(out, options);
	for (unsigned i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		if (i == 1)
			grid_number_column(grid, columns[i][0], columns[i][1]);
		else
			grid_text_column(grid, columns[i][0], columns[i][1]);
	for (unsigned i = 0; i < settings->count; i++)
		sysctl_row(grid, &settings->list[i], settings, kernel);
	grid_print(grid, true);
	grid_free(grid);
}
